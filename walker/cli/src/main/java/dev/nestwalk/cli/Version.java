package dev.nestwalk.cli;

import dev.nestwalk.fixtures.BuildProperties;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/**
 * The output of {@code version}: the version, the commit it was built from, and the running JDK.
 */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    Properties built = BuildProperties.read(Version.class, "version.properties");
    return new String[] {
      "nestwalk %s (commit %s)"
          .formatted(
              built.getProperty("version", "unknown"), built.getProperty("commit", "unknown")),
      "JDK %s, %s, on %s %s"
          .formatted(
              Runtime.version(),
              System.getProperty("java.vendor"),
              System.getProperty("os.name"),
              System.getProperty("os.arch"))
    };
  }
}
