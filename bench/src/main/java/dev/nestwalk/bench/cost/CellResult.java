package dev.nestwalk.bench.cost;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;

/**
 * The result of a cell.
 *
 * @param cell the cell
 * @param counts exact counts; for a counted cell they are equal on every machine
 * @param histograms latencies in nanoseconds by name; only for timed cells. Must not be changed
 * @param figures measured figures by name, whose last part is the unit ({@code throughput.mops},
 *     {@code clock.ns}); only for timed cells
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
   * A remark that has to appear wherever the result is shown, because the two engines interpret
   * some values of the cell differently; mostly empty.
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
