package dev.nestwalk.bench;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Cells of the matrix that cost much more than a neighbour, which differs only in the format, the
 * access or the place of the tables. A caller expects such neighbours to cost the same.
 */
final class Cliffs {
  private static final double LIMIT = 1.3;
  private static final List<String> FORMATS = List.of("vtd", "smmuv3");
  private static final Map<String, String> STAGES =
      Map.of("first", "stage1", "second", "stage2", "stage1", "first", "stage2", "second");
  private static final List<String> RUNS = List.of("one", "smaller", "spread", "windows");
  private static final List<String> ACCESSES = List.of("r", "w", "rw");

  /**
   * A cell and its cheapest neighbour.
   *
   * @param ratio ratio of their times
   */
  record Cliff(Metric cell, Metric neighbour, double ratio) {}

  /** Every cell that takes more than 1.3 times as long as its best neighbour, worst first. */
  static List<Cliff> of(List<Metric> metrics) {
    Map<String, Metric> byName = new HashMap<>();
    for (Metric metric : metrics) {
      byName.put(metric.name, metric);
    }
    List<Cliff> cliffs = new ArrayList<>();
    for (Metric metric : metrics) {
      Metric best = metric;
      for (String name : neighbours(metric.name)) {
        Metric other = byName.get(name);
        if (other != null && other.javaNanos() < best.javaNanos()) {
          best = other;
        }
      }
      double ratio = metric.javaNanos() / best.javaNanos();
      if (ratio > LIMIT) {
        cliffs.add(new Cliff(metric, best, ratio));
      }
    }
    cliffs.sort((a, b) -> Double.compare(b.ratio(), a.ratio()));
    return cliffs;
  }

  /** Names of cells that differ in one property; some of them may not exist. */
  static List<String> neighbours(String name) {
    String[] parts = name.split("/", -1);
    List<String> names = new ArrayList<>();
    if (parts.length != 4) {
      return names;
    }
    String[] mode = parts[0].split("-", 2);
    for (String format : FORMATS) {
      if (mode.length == 2 && !format.equals(mode[0])) {
        String stage = STAGES.getOrDefault(mode[1], mode[1]);
        names.add(String.join("/", format + "-" + stage, parts[1], parts[2], parts[3]));
      }
    }
    for (String runs : RUNS) {
      if (!runs.equals(parts[2])) {
        names.add(String.join("/", parts[0], parts[1], runs, parts[3]));
      }
    }
    for (String access : ACCESSES) {
      if (!access.equals(parts[3])) {
        names.add(String.join("/", parts[0], parts[1], parts[2], access));
      }
    }
    return names;
  }

  static void print(List<Metric> metrics) {
    List<Cliff> cliffs = of(metrics);
    System.out.printf("%ncells above %.1f times their best neighbour: %d%n", LIMIT, cliffs.size());
    for (Cliff cliff : cliffs) {
      String unsure = cliff.cell().verdict() == Metric.Verdict.UNSURE ? "  unsure" : "";
      System.out.printf(
          Locale.ROOT,
          "  %-34s %5.2f x %s%s%n",
          cliff.cell().name,
          cliff.ratio(),
          cliff.neighbour().name,
          unsure);
    }
  }

  private Cliffs() {}
}
