package dev.nestwalk.bench.cost.report;

import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.LatencyModel;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a latency model makes of the counts of a counted cell. Made anew wherever it is shown: only
 * the counts are kept.
 */
final class Modelled {
  /** Nanoseconds that a request waits for translations. */
  static final String NANOS = "modelled.request.ns";

  private static final int[] GIGABITS = {100, 200, 400, 800};

  /** Name of the share of a line that translation lets through, 0 to 1. */
  static String line(int gigabits) {
    return "modelled.line." + gigabits + "g";
  }

  /** Figures by name, in the order of files; none of a timed cell, which has times of its own. */
  static Map<String, Double> of(CellResult result, LatencyModel model) {
    Map<String, Double> figures = new LinkedHashMap<>();
    if (!result.cell().isTimed()) {
      figures.put(NANOS, model.nanosPerRequest(result.counts()));
      for (int gigabits : GIGABITS) {
        figures.put(line(gigabits), model.shareOfLine(result.counts(), gigabits));
      }
    }
    return figures;
  }

  private Modelled() {}
}
