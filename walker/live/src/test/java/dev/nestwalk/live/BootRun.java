package dev.nestwalk.live;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * One boot of Linux on a live machine, from start to power-off.
 *
 * @param console what the guest printed
 * @param lines what the server said
 * @param counters of the machine
 * @param exit QEMU's status; -1 if it had to be ended
 * @param seconds from start to end
 */
record BootRun(String console, List<String> lines, String counters, int exit, double seconds) {
  private static final int LIMIT_SECONDS = 240;
  private static final long RAM = 512L << 20;

  /**
   * What is booted.
   *
   * @param programs of the initial RAM disk, by name; {@code init} is one of them
   * @param append further words of the kernel's command line
   * @param deaf whether the unit forgets nothing
   */
  record Guest(
      LiveMode mode,
      int levels,
      Path kernel,
      Map<String, byte[]> programs,
      String append,
      boolean deaf) {

    /** The kit's Linux with the script of the boot tests. */
    static Guest usual(Kit kit, LiveMode mode, int levels, boolean deaf) throws IOException {
      try (InputStream script = BootRun.class.getResourceAsStream("init-test")) {
        byte[] init = script.readAllBytes();
        return new Guest(
            mode, levels, kit.kernel(mode.format()), Map.of("init", init), "panic=-1", deaf);
      }
    }
  }

  /** Boots; QEMU is ended after {@value #LIMIT_SECONDS} seconds. */
  static BootRun of(Kit kit, Guest guest) throws IOException, InterruptedException {
    Path memory = Path.of("/dev/shm");
    Path dir =
        Files.isDirectory(memory)
            ? Files.createTempDirectory(memory, "nestwalk-boot")
            : Files.createTempDirectory("nestwalk-boot");
    try {
      return in(dir, kit, guest);
    } finally {
      try (Stream<Path> files = Files.list(dir)) {
        for (Path file : files.toList()) {
          Files.deleteIfExists(file);
        }
      }
      Files.delete(dir);
    }
  }

  private static BootRun in(Path dir, Kit kit, Guest guest)
      throws IOException, InterruptedException {
    Path initrd = dir.resolve("initrd");
    LiveFormat format = guest.mode.format();
    kit.writeInitrd(format, guest.programs, initrd);
    LiveOptions options =
        new LiveOptions(
            guest.mode,
            guest.levels,
            List.of(),
            dir,
            dir.resolve("ram"),
            RAM,
            kit.qemu(format).toString(),
            guest.kernel,
            initrd,
            guest.append,
            -1,
            guest.deaf,
            LiveProbes.NONE);
    List<String> lines = new ArrayList<>();
    long begin = System.nanoTime();
    try (LiveMachine machine =
        LiveMachine.start(
            options,
            line -> {
              synchronized (lines) {
                lines.add(line);
              }
            })) {
      Path console = dir.resolve("console");
      Process qemu =
          new ProcessBuilder(machine.command())
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(console.toFile())
              .redirectErrorStream(true)
              .start();
      int exit = -1;
      try {
        if (qemu.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
          exit = qemu.exitValue();
        }
      } finally {
        qemu.destroyForcibly().waitFor();
      }
      String text = Files.readString(console, StandardCharsets.ISO_8859_1);
      double seconds = (System.nanoTime() - begin) / 1e9;
      synchronized (lines) {
        return new BootRun(text, List.copyOf(lines), machine.counters().line(), exit, seconds);
      }
    }
  }
}
