package dev.nestwalk.bench.cost;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Where a result was made. */
public final class Environment {
  private static final Map<String, String> MANIFEST = Map.copyOf(find());

  /**
   * JDK, processor, system and version of this process, and the commit if the launcher told it
   * (system property {@code nestwalk.commit}).
   */
  public static Map<String, String> manifest() {
    return MANIFEST;
  }

  private static Map<String, String> find() {
    Map<String, String> found = new TreeMap<>();
    found.put("jdk", System.getProperty("java.vm.name") + " " + Runtime.version());
    found.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    found.put("processor", processor());
    found.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
    found.put("commit", System.getProperty("nestwalk.commit", "unknown"));
    return found;
  }

  private static String processor() {
    Path info = Path.of("/proc/cpuinfo");
    try (Stream<String> lines = Files.lines(info)) {
      return lines
          .filter(line -> line.startsWith("model name") || line.startsWith("CPU part"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("unknown");
    } catch (IOException | UncheckedIOException e) {
      return "unknown";
    }
  }

  private Environment() {}
}
