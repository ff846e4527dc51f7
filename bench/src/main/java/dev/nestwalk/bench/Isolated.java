package dev.nestwalk.bench;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Measures a metric in a fresh JVM. The comparison shows whether the figures of the main JVM, which
 * has run all formats and modes, depend on what the JIT compiled first.
 */
final class Isolated {
  private static final List<String> NAMES =
      List.of(
          "iotlb-hit-independent",
          "nested-walk-vtd",
          "nested-walk-smmuv3",
          "nested-batch-vtd",
          "nested-batch-smmuv3");
  private static final double LIMIT = 1.25;
  private static final int SECONDS = 120;

  /** The result of a fresh JVM: the median, and the spread of its rounds. */
  private record Figure(double nanos, double spread) {}

  /** A figure of this JVM, with its ratio to the isolated one. */
  private static final class Compared extends Metric {
    private final Metric here;
    private final Figure alone;

    Compared(Metric here, Figure alone) {
      super(
          "all-formats/" + here.name,
          1,
          n -> 0,
          null,
          "<= 1.25 x isolated",
          metric -> here.javaNanos() <= LIMIT * alone.nanos());
      this.here = here;
      this.alone = alone;
    }

    @Override
    double javaNanos() {
      return here.javaNanos();
    }

    @Override
    double ratio() {
      return here.javaNanos() / alone.nanos();
    }

    @Override
    double spread() {
      return Math.max(here.spread(), alone.spread());
    }

    @Override
    int rounds() {
      return here.rounds();
    }
  }

  /** Runs a JVM for each name; a line for each. */
  static List<Metric> compare(List<Metric> metrics) {
    List<Metric> lines = new ArrayList<>();
    for (Metric metric : metrics) {
      if (NAMES.contains(metric.name)) {
        try {
          lines.add(new Compared(metric, alone(metric.name)));
        } catch (IOException e) {
          System.err.println("nestwalk: no isolated figure of " + metric.name + ": " + e);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return lines;
        }
      }
    }
    return lines;
  }

  private static Figure alone(String name) throws IOException, InterruptedException {
    Path json = Files.createTempFile("nestwalk-isolated", ".json");
    try {
      Process child =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:+UseSerialGC",
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Scoreboard.class.getName(),
                  "scoreboard",
                  "--quick",
                  "--only",
                  name,
                  "--json",
                  json.toString())
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      if (!child.waitFor(SECONDS, TimeUnit.SECONDS) || child.exitValue() != 0) {
        child.destroyForcibly();
        throw new IOException("the JVM for it failed");
      }
      JsonObject all = JsonParser.parseString(Files.readString(json)).getAsJsonObject();
      for (var line : all.getAsJsonArray("metrics")) {
        JsonObject metric = line.getAsJsonObject();
        if (metric.get("name").getAsString().equals(name)) {
          return new Figure(
              metric.get("java_ns").getAsDouble(), metric.get("spread").getAsDouble());
        }
      }
      throw new IOException("no such metric");
    } finally {
      Files.delete(json);
    }
  }

  private Isolated() {}
}
