package dev.nestwalk.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** What {@code version} prints: the version, the commit it was built from, the JDK it runs on. */
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
      // A build whose resources cannot be read still tells its JDK.
      properties.clear();
    }
    // Where there is no repository to ask, the plugin leaves its placeholder.
    properties.values().removeIf(value -> value.toString().startsWith("${"));
    return properties;
  }
}
