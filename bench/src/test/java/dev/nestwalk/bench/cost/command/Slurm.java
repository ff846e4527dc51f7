package dev.nestwalk.bench.cost.command;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Slurm of one node on this machine: munged, slurmctld and slurmd, with files and ports of their
 * own, until it is closed.
 */
final class Slurm implements AutoCloseable {
  private static final List<String> FOLDERS =
      List.of("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin");
  private static final List<String> PROGRAMS = List.of("munged", "slurmctld", "slurmd", "sbatch");
  private static final Set<String> ENDED =
      Set.of("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY");
  private static final int SECONDS = 60;

  private final Path folder;
  private final Path configuration;
  private final List<Process> processes = new ArrayList<>();

  /** One, or null with a loud word where Slurm is not installed; CI has to have it. */
  static @Nullable Slurm start(Path folder) throws IOException, InterruptedException {
    List<String> missing = PROGRAMS.stream().filter(name -> program(name) == null).toList();
    if (!missing.isEmpty()) {
      String words =
          "NO SLURM (%s; Debian's slurm-wlm and munge): sweeps on a cluster are NOT tested"
              .formatted(String.join(", ", missing));
      assertNull(System.getenv("CI"), words);
      System.err.println("==== " + words + " ====");
      return null;
    }
    Slurm slurm = new Slurm(folder);
    try {
      slurm.start();
      return slurm;
    } catch (IOException | InterruptedException | RuntimeException | AssertionError e) {
      slurm.close();
      throw e;
    }
  }

  private Slurm(Path folder) {
    this.folder = folder;
    configuration = folder.resolve("slurm.conf");
  }

  private static @Nullable Path program(String name) {
    return FOLDERS.stream()
        .map(place -> Path.of(place, name))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }

  private static int port() throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      return socket.getLocalPort();
    }
  }

  private void start() throws IOException, InterruptedException {
    for (String name : List.of("munge", "state", "spool")) {
      Files.createDirectories(folder.resolve(name));
    }
    Path munge = folder.resolve("munge");
    Files.setPosixFilePermissions(munge, PosixFilePermissions.fromString("rwxr-xr-x"));
    byte[] key = new byte[128];
    new SecureRandom().nextBytes(key);
    Files.write(munge.resolve("key"), key);
    Files.setPosixFilePermissions(
        munge.resolve("key"), PosixFilePermissions.fromString("r--------"));
    begin(
        "munged",
        "--foreground",
        "--force",
        "--key-file=" + munge.resolve("key"),
        "--socket=" + munge.resolve("socket"),
        "--pid-file=" + munge.resolve("pid"),
        "--seed-file=" + munge.resolve("seed"));
    await(() -> Files.exists(munge.resolve("socket")), "munged");
    Process host = new ProcessBuilder("hostname", "-s").start();
    String name =
        new String(host.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
            .strip();
    String user = System.getProperty("user.name");
    Files.writeString(
        configuration,
        """
        ClusterName=nestwalk
        SlurmctldHost=%1$s(127.0.0.1)
        SlurmctldPort=%2$d
        SlurmdPort=%3$d
        AuthType=auth/munge
        AuthInfo=socket=%4$s/munge/socket
        CredType=cred/munge
        SlurmUser=%5$s
        SlurmdUser=%5$s
        StateSaveLocation=%4$s/state
        SlurmdSpoolDir=%4$s/spool
        SlurmctldPidFile=%4$s/slurmctld.pid
        SlurmdPidFile=%4$s/slurmd.pid
        ProctrackType=proctrack/pgid
        TaskPlugin=task/none
        MpiDefault=none
        ReturnToService=2
        SelectType=select/cons_tres
        SelectTypeParameters=CR_CPU
        JobAcctGatherType=jobacct_gather/none
        NodeName=%1$s NodeAddr=127.0.0.1 CPUs=%6$d State=UNKNOWN
        PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
        """
            .formatted(
                name, port(), port(), folder, user, Runtime.getRuntime().availableProcessors()));
    begin("slurmctld", "-D", "-f", configuration.toString());
    begin("slurmd", "-D", "-f", configuration.toString());
    await(() -> output("sinfo", "-h", "-o", "%T").strip().equals("idle"), "the node");
  }

  /** Something to wait for. */
  private interface Condition {
    boolean holds() throws IOException, InterruptedException;
  }

  private void await(Condition condition, String what) throws IOException, InterruptedException {
    for (int i = 0; i < SECONDS * 5; i++) {
      if (condition.holds()) {
        return;
      }
      Thread.sleep(200);
    }
    throw new IllegalStateException(what + " does not come up:\n" + logs());
  }

  private String logs() throws IOException {
    StringBuilder all = new StringBuilder();
    for (String name : PROGRAMS) {
      Path log = folder.resolve(name + ".log");
      if (Files.exists(log)) {
        all.append(name).append(":\n").append(Files.readString(log));
      }
    }
    return all.toString();
  }

  private void begin(String name, String... arguments) throws IOException {
    processes.add(builder(name, arguments).start());
  }

  private ProcessBuilder builder(String name, String... arguments) {
    List<String> words = new ArrayList<>();
    Path program = program(name);
    words.add(program == null ? name : program.toString());
    words.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(name + ".log").toFile());
    builder.environment().put("SLURM_CONF", configuration.toString());
    return builder;
  }

  private String output(String name, String... arguments) throws IOException, InterruptedException {
    Process process = builder(name, arguments).start();
    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      return "";
    }
    return Files.readString(folder.resolve(name + ".log"));
  }

  /**
   * Submits a script and waits until all its tasks have ended, well.
   *
   * @param results where tasks leave their logs
   */
  void run(Path script, Path results, int seconds) throws IOException, InterruptedException {
    String number = output("sbatch", "--parsable", script.toString()).strip();
    // sbatch --wait would look every ten seconds.
    Set<String> states = Set.of("PENDING");
    for (int i = 0; i < seconds * 5 && !states.stream().allMatch(ENDED::contains); i++) {
      Thread.sleep(200);
      states =
          output("squeue", "-h", "-r", "-t", "all", "-j", number, "-o", "%T")
              .lines()
              .collect(Collectors.toSet());
    }
    if (!states.equals(Set.of("COMPLETED"))) {
      StringBuilder said = new StringBuilder(logs());
      try (Stream<Path> files = Files.list(results)) {
        for (Path log : files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
          said.append(log.getFileName()).append(": ").append(Files.readString(log));
        }
      }
      fail("job " + number + ": " + states + "\n" + said);
    }
  }

  @Override
  public void close() {
    // In turn: the node's daemon first, so that no task is left.
    for (int i = processes.size() - 1; i >= 0; i--) {
      Process process = processes.get(i);
      process.destroy();
      try {
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        process.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }
}
