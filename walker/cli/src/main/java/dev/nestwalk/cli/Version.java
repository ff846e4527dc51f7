package dev.nestwalk.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/**
 * The output of {@code version}: the version, the commit it was built from, and the running JDK.
 */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    Properties built = built();
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

  private static Properties built() {
    Properties properties = new Properties();
    try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      // A build whose resources cannot be read still reports its JDK.
      properties.clear();
    }
    // Without a repository the build plugin leaves its placeholder.
    properties.values().removeIf(value -> value.toString().startsWith("${"));
    return properties;
  }
}
