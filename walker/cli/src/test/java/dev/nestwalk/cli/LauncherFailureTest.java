package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher tells why its build failed in one line, where it can. */
class LauncherFailureTest {
  private static final Path WALKER =
      Path.of(System.getProperty("nestwalk.root", "../.."), "walker").toAbsolutePath();

  private static final String UNREACHED =
      "[ERROR] Could not transfer artifact org.junit:junit-bom:pom:5.14.3 from/to central: ";

  @TempDir Path folder;

  /** A checkout with the scripts and nothing that is built. */
  @BeforeEach
  void checkout() throws IOException {
    Path walker = Files.createDirectories(folder.resolve("checkout/walker"));
    for (String script : List.of("nestwalk", "setup")) {
      Files.copy(WALKER.resolve(script), walker.resolve(script));
      assertTrue(walker.resolve(script).toFile().setExecutable(true));
    }
  }

  @Test
  void anUnreachableRepositoryIsNoNetwork() throws Exception {
    assertEquals(
        "nestwalk: building, the first time takes a minute\n"
            + "nestwalk: no network: Maven could not fetch org.junit:junit-bom:pom:5.14.3; connect"
            + " once, then what is built runs without\n",
        failure(UNREACHED + "Unknown host"));
  }

  /** As behind a proxy that reads along: the network is there, the JDK does not trust it. */
  @Test
  void aCertificateThatIsNotTrustedIsNamedAsSuch() throws Exception {
    String said =
        failure(
            UNREACHED
                + "PKIX path building failed: unable to find valid certification path to requested"
                + " target");
    assertEquals(2, said.lines().count(), said);
    assertTrue(said.contains("no trust: Maven"), said);
    assertTrue(said.contains("keytool -importcert -cacerts"), said);
  }

  @Test
  void anyOtherFailureIsShownWhole() throws Exception {
    String said = failure("[INFO] Scanning\n[ERROR] COMPILATION ERROR : Iommu.java:[3,1]");
    assertTrue(said.contains("[ERROR] COMPILATION ERROR : Iommu.java:[3,1]"), said);
    assertTrue(said.endsWith("nestwalk: the build failed, see above\n"), said);
    assertTrue(!said.contains("Scanning"), said);
  }

  /** What the launcher says when Maven prints these lines and fails. */
  private String failure(String lines) throws Exception {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    Path mvn = bin.resolve("mvn");
    Files.writeString(
        mvn,
        """
        #!/bin/sh
        case $1 in -version) echo 'Apache Maven 3.9.11'; exit 0 ;; esac
        cat <<'END'
        %s
        END
        exit 1
        """
            .formatted(lines));
    assertTrue(mvn.toFile().setExecutable(true));
    ProcessBuilder builder =
        new ProcessBuilder(folder.resolve("checkout/walker/nestwalk").toString(), "version");
    builder.environment().put("PATH", bin + ":" + System.getenv("PATH"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Path err = folder.resolve("err");
    Process process =
        builder.redirectError(err.toFile()).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    process.getOutputStream().close();
    assertEquals(2, process.waitFor());
    return Files.readString(err);
  }
}
