package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * When the launcher builds, and what. Maven and the JDK are scripts: this Maven writes down the
 * sources that it sees, a line a build, and makes a jar.
 */
class LauncherBuildTest {
  private static final Path WALKER =
      Path.of(System.getProperty("nestwalk.root", "../.."), "walker").toAbsolutePath();

  private static final String PACKAGE = "walker/cli/src/main/java/p/";

  @TempDir Path folder;

  private Path checkout;
  private Path bin;

  @BeforeEach
  void checkout() throws IOException {
    checkout = folder.resolve("checkout");
    for (String file :
        List.of(
            "pom.xml",
            ".mvn/jvm.config",
            "docs/known-deviations.csv",
            "fixtures/pom.xml",
            "fixtures/src/main/java/p/Fixture.java",
            "bench/pom.xml",
            PACKAGE + "One.java",
            PACKAGE + "Two.java")) {
      Files.createDirectories(checkout.resolve(file).getParent());
      Files.createFile(checkout.resolve(file));
    }
    for (String script : List.of("nestwalk", "setup")) {
      Path copy = checkout.resolve("walker").resolve(script);
      Files.copy(WALKER.resolve(script), copy);
      assertTrue(copy.toFile().setExecutable(true, false));
    }
    Path home = folder.resolve("jdk");
    for (String name : List.of("java", "javac")) {
      program(home.resolve("bin").resolve(name), "echo started");
    }
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"99\"\n");
    bin = folder.resolve("bin");
    maven("");
  }

  private static void program(Path file, String body) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    assertTrue(file.toFile().setExecutable(true, false));
  }

  /** A Maven that does this while it builds. */
  private void maven(String meanwhile) throws IOException {
    program(
        bin.resolve("mvn"),
        """
        case $1 in -version) echo 'Apache Maven 3.9.11'; exit 0 ;; esac
        echo $(find . -name '*.java' | sed 's/.*\\///' | sort) >>'%s'
        mkdir -p walker/cli/target/quick
        echo jar >walker/cli/target/quick/nestwalk-cli.jar
        %s
        """
            .formatted(folder.resolve("builds"), meanwhile));
  }

  /** The sources of each build so far. */
  private List<String> builds() throws IOException {
    Path builds = folder.resolve("builds");
    return Files.exists(builds) ? Files.readAllLines(builds) : List.of();
  }

  private Process start(List<String> before) throws IOException {
    List<String> command = new ArrayList<>(before);
    command.add(checkout.resolve("walker/nestwalk").toString());
    command.add("version");
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PATH", bin + ":" + System.getenv("PATH"));
    builder.environment().put("JAVA_HOME", folder.resolve("jdk").toString());
    builder.environment().put("NESTWALK_CACHE", folder.resolve("cache").toString());
    Process process = builder.redirectOutput(folder.resolve("said").toFile()).start();
    process.getOutputStream().close();
    return process;
  }

  private void assertStarts(Process process) throws Exception {
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the launcher hangs");
    assertEquals(0, process.exitValue(), Files.readString(folder.resolve("said")));
  }

  private void run() throws Exception {
    assertStarts(start(List.of()));
  }

  @Test
  void whatIsUpToDateIsStartedWithoutABuild() throws Exception {
    run();
    run();
    assertEquals(List.of("Fixture.java One.java Two.java"), builds());
    Files.writeString(checkout.resolve(PACKAGE + "Two.java"), "class Two {}");
    run();
    assertEquals(2, builds().size());
  }

  /** A jar is there before its libraries are: neither builds beside the other, nor starts early. */
  @Test
  void ofTwoFirstRunsAtOnceOneBuilds() throws Exception {
    boolean possible = Files.isExecutable(Path.of("/usr/bin/flock"));
    assertTrue(possible || System.getenv("CI") == null, "no flock, and CI is set");
    assumeTrue(possible, "no flock");
    maven("sleep 1; touch '%s'".formatted(folder.resolve("done")));
    program(folder.resolve("jdk/bin/java"), "[ -e '%s' ]".formatted(folder.resolve("done")));
    Process one = start(List.of());
    while (builds().isEmpty() && one.isAlive()) {
      Thread.sleep(10);
    }
    Process other = start(List.of());
    assertStarts(one);
    assertStarts(other);
    assertEquals(1, builds().size());
  }

  @Test
  void whatIsEditedDuringABuildIsBuiltByTheNext() throws Exception {
    maven("echo 'class One {}' >%sOne.java; sleep 0.1".formatted(PACKAGE));
    run();
    maven("");
    run();
    assertEquals(2, builds().size());
    run();
    assertEquals(2, builds().size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"deleted", "renamed", "moved"})
  void aSourceThatIsGoneIsAChange(String how) throws Exception {
    run();
    Path two = checkout.resolve(PACKAGE + "Two.java");
    switch (how) {
      case "deleted" -> Files.delete(two);
      case "renamed" -> Files.move(two, two.resolveSibling("Three.java"));
      default ->
          Files.move(two, Files.createDirectories(two.resolveSibling("q")).resolve("Two.java"));
    }
    run();
    assertEquals(2, builds().size());
    run();
    assertEquals(2, builds().size());
  }

  @Test
  void aBuildThatFailedIsTriedAgainThoughItLeftAJar() throws Exception {
    maven("exit 1");
    Process failing = start(List.of());
    assertTrue(failing.waitFor(60, TimeUnit.SECONDS), "the launcher hangs");
    assertEquals(2, failing.exitValue());
    maven("");
    run();
    assertEquals(2, builds().size());
  }

  /** A checkout that takes no files, as another user's: what it no longer has is not compiled. */
  @Test
  void aCopyOfAReadOnlyCheckoutHasNoSourcesOfEarlierOnes() throws Exception {
    List<String> before = withoutRights();
    Path walker = checkout.resolve("walker");
    Files.setPosixFilePermissions(walker, PosixFilePermissions.fromString("r-xr-xr-x"));
    try {
      assertStarts(start(before));
      Path two = checkout.resolve(PACKAGE + "Two.java");
      Files.move(two, two.resolveSibling("Three.java"));
      assertStarts(start(before));
    } finally {
      Files.setPosixFilePermissions(walker, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    assertEquals(
        List.of("Fixture.java One.java Two.java", "Fixture.java One.java Three.java"), builds());
  }

  /** Root may write anything: what makes a command run as somebody else, if this is root. */
  private List<String> withoutRights() throws IOException {
    if (!"root".equals(System.getProperty("user.name"))) {
      return List.of();
    }
    Path program = Path.of("/usr/bin/setpriv");
    assertTrue(Files.isExecutable(program) || System.getenv("CI") == null, "no setpriv");
    assumeTrue(Files.isExecutable(program), "no setpriv");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    return List.of(program.toString(), "--reuid=65534", "--regid=65534", "--clear-groups");
  }
}
