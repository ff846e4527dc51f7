package dev.nestwalk.bench;

import com.google.gson.JsonObject;
import dev.nestwalk.fixtures.BuildProperties;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * The machine and code that a figure was measured on; every output with times contains it.
 *
 * @param os name and architecture of the operating system
 * @param processor the processor's own name, "unknown" if the system does not report it
 * @param processors number of processors that the JVM may use
 * @param jdk version and vendor of the JDK
 * @param version version of the product
 * @param commit commit that the product was built from, "unknown" outside a repository
 */
public record Machine(
    String os, String processor, int processors, String jdk, String version, String commit) {
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");
  private static final String UNKNOWN = "unknown";

  /** The machine that this runs on. */
  public static Machine here() {
    Properties built = BuildProperties.read(Machine.class, "build.properties");
    return new Machine(
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        processorName(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("java.vm.version") + " " + System.getProperty("java.vendor"),
        built.getProperty("version", UNKNOWN),
        built.getProperty("commit", UNKNOWN));
  }

  /** The parts by their names. */
  public JsonObject json() {
    JsonObject json = new JsonObject();
    json.addProperty("os", os);
    json.addProperty("processor", processor);
    json.addProperty("processors", processors);
    json.addProperty("jdk", jdk);
    json.addProperty("version", version);
    json.addProperty("commit", commit);
    return json;
  }

  private static String processorName() {
    try (Stream<String> lines = Files.lines(PROCESSORS, StandardCharsets.UTF_8)) {
      return lines
          .filter(line -> line.startsWith("model name") || line.startsWith("CPU part"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .filter(name -> !name.isEmpty())
          .findFirst()
          .orElse(UNKNOWN);
    } catch (IOException e) {
      // Only Linux has such a file; on other systems the processor's name is missing.
      return UNKNOWN;
    }
  }
}
