package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Environment;
import dev.nestwalk.bench.cost.LatencyModel;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** How a run came about. */
final class Manifest {
  /** Of this command line and latency model, here and now. */
  static Map<String, String> of(List<String> arguments, LatencyModel model) {
    Map<String, String> manifest = new TreeMap<>(Environment.manifest());
    manifest.put("command", "nestwalk cost " + String.join(" ", arguments));
    manifest.put("latency", model.toString());
    manifest.put("written", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    return manifest;
  }

  private Manifest() {}
}
