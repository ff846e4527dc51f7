package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code walker/setup} on a machine that has no JDK of the version asked for and no package
 * manager: archives come from a server of the test. No JDK is of version 99, so none of this
 * machine counts.
 */
class SetupScriptTest {
  private static final Path SETUP =
      Path.of(System.getProperty("nestwalk.root", "../.."), "walker", "setup").toAbsolutePath();

  private static final List<String> TOOLS =
      List.of(
          "sh",
          "sed",
          "dirname",
          "readlink",
          "uname",
          "id",
          "mkdir",
          "mktemp",
          "rm",
          "mv",
          "tar",
          "gzip",
          "cat",
          "curl",
          "wget",
          "sha256sum",
          "sha512sum",
          "shasum",
          "grep");

  @TempDir Path folder;

  private final Map<String, byte[]> served = new ConcurrentHashMap<>();
  private HttpServer server;
  private Path bin;

  /** What a run of the script printed, and its status. */
  private record Run(int status, String out, String err) {}

  @BeforeEach
  void serve() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] body = served.get(exchange.getRequestURI().getPath());
          exchange.sendResponseHeaders(
              body == null ? 404 : 200, body == null ? -1 : Math.max(1, body.length));
          if (body != null) {
            exchange.getResponseBody().write(body);
          }
          exchange.close();
        });
    server.start();
    // Links to the system's tools are kept out of the folder that JUnit empties.
    bin = Files.createTempDirectory("setup-bin");
    for (String tool : TOOLS) {
      for (String place : List.of("/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin")) {
        Path file = Path.of(place, tool);
        if (Files.isExecutable(file)) {
          Files.createSymbolicLink(bin.resolve(tool), file);
          break;
        }
      }
    }
  }

  @AfterEach
  void stop() throws IOException {
    server.stop(0);
    try (var links = Files.list(bin)) {
      for (Path link : links.toList()) {
        Files.delete(link);
      }
    }
    Files.delete(bin);
  }

  /** Downloads need either; {@code walker/setup --tests} sees to it, and tells where it cannot. */
  private void assumeDownloads() {
    boolean possible = Files.exists(bin.resolve("curl")) || Files.exists(bin.resolve("wget"));
    assertTrue(possible || System.getenv("CI") == null, "neither curl nor wget, and CI is set");
    assumeTrue(possible, "neither curl nor wget");
  }

  @Test
  void aMachineThatCannotDownloadIsToldWhatIsExpected() throws Exception {
    Files.deleteIfExists(bin.resolve("curl"));
    Files.deleteIfExists(bin.resolve("wget"));
    Run run = setup("--jdk");
    assertEquals(2, run.status);
    assertTrue(run.err.contains(" is not fetched: expected curl or wget on PATH\n"), run.err);
    assertEquals("", run.out);
  }

  @Test
  void aJdkArchiveIsFetchedVerifiedAndUsed() throws Exception {
    assumeDownloads();
    byte[] archive = archive(folder.resolve("fake-jdk"), 99, true);
    offer(archive, sha256(archive));
    Run run = setup("--jdk");
    assertEquals(0, run.status, run.err);
    assertEquals(cache().resolve("jdk-99").toString(), run.out.strip());

    served.clear();
    assertEquals(run.out, setup("--jdk").out, "found again without the network");
  }

  @Test
  void anArchiveWithAnotherChecksumIsNotUsed() throws Exception {
    assumeDownloads();
    byte[] archive = archive(folder.resolve("fake-jdk"), 99, true);
    offer(archive, sha256(new byte[] {1}));
    Run run = setup("--jdk");
    assertEquals(2, run.status);
    assertTrue(run.err.contains("expected " + sha256(new byte[] {1})), run.err);
    assertEquals("", run.out);
    try (var left = Files.list(cache())) {
      assertEquals(List.of(), left.toList(), "nothing is left behind");
    }
  }

  @Test
  void anArchiveThatIsNotThereIsOneLine() throws Exception {
    assumeDownloads();
    Run run = setup("--jdk");
    assertEquals(2, run.status);
    assertTrue(run.err.contains("could not be fetched (no network?)"), run.err);
    assertTrue(run.err.contains("no JDK 99 or newer with javac: expected one in"), run.err);
  }

  @Test
  void somethingThatIsNoArchiveIsRefused() throws Exception {
    assumeDownloads();
    byte[] page = "<html>moved</html>".getBytes(StandardCharsets.UTF_8);
    offer(page, sha256(page));
    Run run = setup("--jdk");
    assertEquals(2, run.status);
    assertTrue(run.err.contains("cannot be unpacked, expected a .tar.gz"), run.err);
  }

  @Test
  void aRuntimeWithoutACompilerDoesNotCount() throws Exception {
    Path jre = folder.resolve("jre");
    jdk(jre, 99, false);
    Run refused = setup(Map.of("JAVA_HOME", jre.toString()), "--jdk", "--offline");
    assertEquals(2, refused.status);
    assertEquals(2, refused.err.lines().count(), refused.err);
    jdk(folder.resolve("jdk"), 99, true);
    Run run = setup(Map.of("JAVA_HOME", folder.resolve("jdk").toString()), "--jdk", "--offline");
    assertEquals(folder.resolve("jdk").toString(), run.out.strip(), run.err);
    assertEquals("", run.err);
  }

  /** Another JDK serves, but whoever set JAVA_HOME believes that it is the one. */
  @ParameterizedTest
  @ValueSource(strings = {"a JRE", "a folder that is missing"})
  void javaHomeThatIsNoJdkIsNamedWhenAnotherOneIsTaken(String kind) throws Exception {
    Path home = folder.resolve("home");
    if (kind.equals("a JRE")) {
      jdk(home, 99, false);
    }
    Path other = cache().resolve("jdk-99");
    jdk(other, 99, true);
    Run run = setup(Map.of("JAVA_HOME", home.toString()), "--jdk", "--offline");
    assertEquals(other.toString(), run.out.strip(), run.err);
    assertEquals(
        "nestwalk: JAVA_HOME is %s, which is passed over: expected a JDK, with bin/javac%n"
            .formatted(home),
        run.err);
  }

  @Test
  void theVersionOfAJdkWithoutReleaseFileIsAskedOfItsCompiler() throws Exception {
    Path home = folder.resolve("jdk with spaces é");
    jdk(home, 99, true);
    Files.delete(home.resolve("release"));
    Run run = setup(Map.of("JAVA_HOME", home.toString()), "--jdk", "--offline");
    assertEquals(home.toString(), run.out.strip(), run.err);
  }

  @Test
  void anOlderJdkIsPassedOver() throws Exception {
    Path home = folder.resolve("old");
    jdk(home, 21, true);
    assertEquals(2, setup(Map.of("JAVA_HOME", home.toString()), "--jdk", "--offline").status);
  }

  @Test
  void aShellTakesTheAnswerWhateverThePathsHoldAndSetUpIsOnce() throws Exception {
    Path home = folder.resolve("jdk's \"own\" $HOME é");
    jdk(home, 99, true);
    Path maven = maven("3.9.9");
    Map<String, String> both = Map.of("JAVA_HOME", home.toString(), "MAVEN_HOME", maven.toString());
    Run run = setup(both, "--offline", "--shell");
    assertEquals(0, run.status, run.err);
    Path script = folder.resolve("script");
    Files.writeString(script, run.out + "echo \"$JAVA_HOME|$NESTWALK_MVN\"\n");
    Process process = new ProcessBuilder(bin.resolve("sh").toString(), script.toString()).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(home + "|" + maven.resolve("bin/mvn") + "\n", said);
  }

  /** Each question to sudo is logged, as a failure where the user may not use it. */
  @Test
  void sudoIsAskedOnlyWhenSomethingIsToBeInstalled() throws Exception {
    manager(1000, false);
    jdk(folder.resolve("jdk"), 99, true);
    Map<String, String> home = Map.of("JAVA_HOME", folder.resolve("jdk").toString());
    assertEquals(0, setup(home, "--jdk").status);
    assertEquals(0, setup(home, "--jdk", "--offline").status);
    assertEquals(2, setup("--jdk", "--offline").status);
    assertEquals(List.of(), calls());
    setup("--jdk");
    assertEquals(List.of("sudo -n true"), calls());
  }

  @Test
  void aToolThatIsMissingIsNamedWithItsPurpose() throws Exception {
    Run run = setup(built(), "--tests", "--offline");
    assertEquals(0, run.status, run.err);
    String line = "==== gcc is missing: the native baseline will not be tested ====\n";
    assertTrue(run.err.contains(line), run.err);
  }

  /** The second package of a tool is named by the tool's purpose, not by the first package. */
  @Test
  void eachPackageIsAskedForByNameAndPurpose() throws Exception {
    manager(0, true);
    Run run = onTerminal(built(), "y\n".repeat(2) + "n\n".repeat(20), "--tests");
    String wanted = "nestwalk: libc6-dev (the native baseline) is missing. Run: ";
    assertTrue(run.out.contains(wanted), run.out);
    assertTrue(calls().contains("apt-get install -q -y --no-install-recommends gcc"), run.out);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void nothingRunsWithRightsBeforeItWasAgreedTo(boolean known) throws Exception {
    manager(0, known);
    Run run = onTerminal(Map.of(), "n\n".repeat(9), "--jdk");
    assertTrue(run.out.contains("a JDK 99 or newer (with javac) is missing"), run.out);
    assertTrue(run.out.contains("sudo apt-get update"), run.out);
    assertEquals(List.of(), calls());
    onTerminal(Map.of(), "y\n" + "n\n".repeat(9), "--jdk");
    assertEquals("apt-get update -q", calls().get(0));
  }

  /**
   * The jars of a Maven elsewhere on the machine, /usr/share/maven, tell nothing about this one.
   */
  @ParameterizedTest
  @ValueSource(strings = {"3.6.3", "3.8.7"})
  void aMavenWithoutVersionedJarsIsAskedForItsVersion(String version) throws Exception {
    Map<String, String> both = new HashMap<>(built());
    Path maven = maven(version);
    both.put("MAVEN_HOME", maven.toString());
    Path own = Files.createDirectories(maven.resolve("lib")).resolve("maven-core-3.x.jar");
    for (boolean jar : new boolean[] {false, true}) {
      if (jar) {
        Files.createFile(own);
      }
      String found = setup(both, "--maven", "--offline").out.strip();
      assertEquals(version.startsWith("3.8"), found.equals(maven.resolve("bin/mvn") + ""), found);
    }
  }

  @Test
  void anUnknownOptionIsOneLine() throws Exception {
    Run run = setup("--quickly");
    assertEquals(2, run.status);
    assertEquals(
        "nestwalk: '--quickly': expected --yes, --offline, --tests, --jdk, --maven, --shell or"
            + " --help\n",
        run.err);
  }

  @Test
  void helpTellsEveryVariable() throws Exception {
    Run run = setup("--help");
    assertEquals(0, run.status);
    for (String name : List.of("JDK_URL", "MAVEN_URL", "CACHE", "JDK_VERSION")) {
      assertTrue(run.out.contains("NESTWALK_" + name), run.out);
    }
    assertFalse(run.out.contains("\t"));
  }

  private void offer(byte[] archive, String sum) {
    served.put("/jdk.tar.gz", archive);
    served.put("/jdk.tar.gz.sha256", sum.getBytes(StandardCharsets.US_ASCII));
  }

  private Path cache() {
    return folder.resolve("cache");
  }

  /** A Maven that knows its version. */
  private Path maven(String version) throws IOException {
    Path maven = folder.resolve("maven");
    program(
        Files.createDirectories(maven.resolve("bin")).resolve("mvn"),
        "echo Apache Maven " + version);
    return maven;
  }

  /** A machine with a JDK and Maven. */
  private Map<String, String> built() throws IOException {
    jdk(folder.resolve("jdk"), 99, true);
    return Map.of(
        "JAVA_HOME", folder.resolve("jdk").toString(), "MAVEN_HOME", maven("3.9.9").toString());
  }

  /**
   * A package manager that installs nothing and writes down how it is called, as sudo does, which
   * grants nothing.
   *
   * @param known whether its lists have every package, or none
   */
  private void manager(int user, boolean known) throws IOException {
    Files.delete(bin.resolve("id"));
    program(bin.resolve("id"), "echo " + user);
    String write = "echo \"${0##*/} $*\" >>'%s'".formatted(folder.resolve("calls"));
    program(bin.resolve("sudo"), write + "; exit 1");
    program(bin.resolve("apt-get"), write);
    program(bin.resolve("apt-cache"), known ? "exit 0" : "exit 100");
    Files.createSymbolicLink(bin.resolve("env"), Path.of("/usr/bin/env"));
  }

  private List<String> calls() throws IOException {
    Path calls = folder.resolve("calls");
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  private static void program(Path file, String body) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    assertTrue(file.toFile().setExecutable(true));
  }

  /** Runs the script on a terminal, which is that of util-linux' {@code script}. */
  private Run onTerminal(Map<String, String> more, String answers, String... options)
      throws Exception {
    Path terminal = Path.of("/usr/bin/script");
    boolean possible = Files.isExecutable(terminal) && Files.isDirectory(Path.of("/proc/self"));
    assertTrue(possible || System.getenv("CI") == null, "no script of util-linux, and CI is set");
    assumeTrue(possible, "no script of util-linux");
    String line = "sh '" + SETUP + "' " + String.join(" ", options);
    return run(List.of(terminal.toString(), "-qec", line, "/dev/null"), more, answers);
  }

  private Run setup(String... options) throws Exception {
    return setup(Map.of(), options);
  }

  private Run setup(Map<String, String> more, String... options) throws Exception {
    List<String> command = new ArrayList<>(List.of(bin.resolve("sh").toString(), SETUP.toString()));
    command.addAll(List.of(options));
    return run(command, more, "");
  }

  private Run run(List<String> command, Map<String, String> more, String input) throws Exception {
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    builder.environment().clear();
    builder.environment().put("PATH", bin.toString());
    builder.environment().put("HOME", folder.toString());
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().put("NESTWALK_CACHE", cache().toString());
    builder.environment().put("NESTWALK_JDK_VERSION", "99");
    builder
        .environment()
        .put(
            "NESTWALK_JDK_URL",
            "http://127.0.0.1:%d/jdk.tar.gz".formatted(server.getAddress().getPort()));
    builder.environment().putAll(more);
    Process process = builder.start();
    try (var typed = process.getOutputStream()) {
      typed.write(input.getBytes(StandardCharsets.UTF_8));
    }
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "setup hangs");
    return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  /** Something that looks like a JDK: programs that print a version. */
  private static void jdk(Path home, int version, boolean compiler) throws IOException {
    Path programs = Files.createDirectories(home.resolve("bin"));
    for (String name : compiler ? List.of("java", "javac") : List.of("java")) {
      program(programs.resolve(name), "echo " + name + " " + version + ".0.1");
    }
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + ".0.1\"\n");
  }

  private byte[] archive(Path home, int version, boolean compiler) throws Exception {
    jdk(home, version, compiler);
    Path file = folder.resolve("archive.tar.gz");
    Process tar =
        new ProcessBuilder(
                "tar", "-czf", file.toString(), "-C", folder.toString(), home.getFileName() + "")
            .start();
    assertEquals(0, tar.waitFor());
    return Files.readAllBytes(file);
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }
}
