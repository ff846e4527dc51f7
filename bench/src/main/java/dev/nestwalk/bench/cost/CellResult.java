package dev.nestwalk.bench.cost;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/**
 * What came of a cell.
 *
 * @param cell what was looked at
 * @param counts exact; of a counted cell the same on every machine
 * @param histograms latencies in nanoseconds by name; of timed cells only. Not to be changed
 * @param figures measured figures by name, with their unit as last part ({@code throughput.mops},
 *     {@code clock.ns}); of timed cells only
 * @param manifest where it was measured: commit, JDK, processor
 */
public record CellResult(
    Cell cell,
    Counts counts,
    Map<String, Histogram> histograms,
    Map<String, Double> figures,
    Map<String, String> manifest) {

  /** Copies the maps, sorted by name. */
  public CellResult {
    histograms = Collections.unmodifiableMap(new TreeMap<>(histograms));
    figures = Collections.unmodifiableMap(new TreeMap<>(figures));
    manifest = Collections.unmodifiableMap(new TreeMap<>(manifest));
  }

  /**
   * What has to be said beside this result wherever it is shown, because the two engines mean
   * different things by the cell; empty for most.
   */
  public String note() {
    boolean hinted = cell.usesFirst() && cell.hasHints(1) || cell.usesSecond() && cell.hasHints(2);
    return hinted && cell.isTimed()
        ? "timed: the tables have contiguous hints, which the product's translator ignores; its"
            + " IOTLB takes an entry for each page, where the counted engine takes one for a group"
        : "";
  }

  /** A result of the counted engine. */
  public static CellResult counted(Cell cell, Counts counts) {
    return new CellResult(cell, counts, Map.of(), Map.of(), Environment.manifest());
  }
}
