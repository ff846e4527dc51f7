package dev.nestwalk.bench.cost.report;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Compares two documents, of two machines or two commits. Counts are exact, so any difference
 * counts. Times differ if their medians are further apart than the middle half of the values
 * spreads.
 *
 * @param lines figures that differ, or that were timed
 * @param equal number of counted cells with equal counts
 * @param onlyFirst cells that only the first document has
 * @param onlySecond cells that only the second document has
 */
public record Comparison(List<Line> lines, int equal, List<Cell> onlyFirst, List<Cell> onlySecond) {
  private static final double SAME = 0.05;

  /** What the comparison of one figure says. */
  public enum Verdict {
    /** Counts differ. */
    DIFFERS("differs"),
    /** The second is lower, by more than the spread. */
    LOWER("lower"),
    /** The second is higher, by more than the spread. */
    HIGHER("higher"),
    /** Within 5 %, and so is the spread. */
    SAME("same"),
    /** The spread forbids a verdict. */
    UNSURE("unsure");

    private final String words;

    Verdict(String words) {
      this.words = words;
    }

    /** As printed. */
    public String words() {
      return words;
    }
  }

  /**
   * One figure of one cell.
   *
   * @param first figure of the first document
   * @param second figure of the second document
   * @param spread how far the middle half of the values lies apart, of the wider of both, as a
   *     share of the median; NaN for counts
   */
  public record Line(
      Cell cell, String name, double first, double second, double spread, Verdict verdict) {
    /** Second divided by first; NaN if that is 0. */
    public double ratio() {
      return first == 0 ? Double.NaN : second / first;
    }
  }

  /** Compares. */
  public static Comparison of(RunDocument first, RunDocument second) {
    Map<Cell, CellResult> others = new TreeMap<>();
    second.results().forEach(result -> others.put(result.cell(), result));
    List<Line> lines = new ArrayList<>();
    List<Cell> alone = new ArrayList<>();
    int equal = 0;
    for (CellResult one : first.results()) {
      CellResult other = others.remove(one.cell());
      if (other == null) {
        alone.add(one.cell());
      } else if (one.cell().isTimed()) {
        timed(one, other, lines);
      } else if (one.counts().equals(other.counts())) {
        equal++;
      } else {
        counted(one, other, lines);
      }
    }
    return new Comparison(lines, equal, alone, List.copyOf(others.keySet()));
  }

  /** Whether nothing differs and no time is higher. */
  public boolean isNoWorse() {
    return lines.stream()
        .noneMatch(line -> line.verdict() == Verdict.DIFFERS || line.verdict() == Verdict.HIGHER);
  }

  private static void counted(CellResult one, CellResult other, List<Line> lines) {
    TreeSet<String> names = new TreeSet<>(one.counts().all().keySet());
    names.addAll(other.counts().all().keySet());
    for (String name : names) {
      long a = one.counts().get(name);
      long b = other.counts().get(name);
      if (a != b) {
        lines.add(new Line(one.cell(), name, a, b, Double.NaN, Verdict.DIFFERS));
      }
    }
  }

  private static void timed(CellResult one, CellResult other, List<Line> lines) {
    one.histograms()
        .forEach(
            (name, a) -> {
              @Nullable Histogram b = other.histograms().get(name);
              if (b != null && a.getTotalCount() > 0 && b.getTotalCount() > 0) {
                double first = a.getValueAtPercentile(50);
                double second = b.getValueAtPercentile(50);
                double spread = Math.max(spread(a), spread(b));
                lines.add(
                    new Line(
                        one.cell(),
                        name + ".p50",
                        first,
                        second,
                        spread,
                        verdict(first, second, spread)));
              }
            });
    // Of figures, times whose rounds have a spread: of translate.ns it is translate.spread.
    one.figures()
        .forEach(
            (name, first) -> {
              String spreadOf = name.replaceAll("\\.ns$", ".spread");
              Double second = other.figures().get(name);
              Double a = one.figures().get(spreadOf);
              Double b = other.figures().get(spreadOf);
              if (name.endsWith(".ns") && second != null && a != null && b != null) {
                double spread = Math.max(a, b);
                lines.add(
                    new Line(
                        one.cell(), name, first, second, spread, verdict(first, second, spread)));
              }
            });
  }

  private static double spread(Histogram histogram) {
    double quarters = histogram.getValueAtPercentile(75) - histogram.getValueAtPercentile(25);
    return quarters / Math.max(1, histogram.getValueAtPercentile(50));
  }

  /** What two medians say whose values spread so far. */
  static Verdict verdict(double first, double second, double spread) {
    double apart = Math.abs(second - first) / Math.max(Math.min(first, second), 1e-9);
    if (Double.isNaN(apart) || Double.isNaN(spread)) {
      return Verdict.UNSURE;
    }
    if (apart <= SAME) {
      return spread <= 2 * SAME ? Verdict.SAME : Verdict.UNSURE;
    }
    if (apart <= spread) {
      return Verdict.UNSURE;
    }
    return second < first ? Verdict.LOWER : Verdict.HIGHER;
  }
}
