package dev.nestwalk.bench.cost.report;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
    UNSURE("unsure"),
    /** Not timed in both documents. */
    MISSING("missing");

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
   * @param first figure of the first document; NaN if it has none
   * @param second figure of the second document; NaN if it has none
   * @param spread how far the middle half of the values lies apart, of the wider of both, as a
   *     share of the median; NaN for counts, and where a figure is missing
   */
  public record Line(
      Cell cell, String name, double first, double second, double spread, Verdict verdict) {
    /** Second divided by first; NaN if that is 0, or either is missing. */
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

  /** Whether no count differs, no time is higher, and none is missing. */
  public boolean isNoWorse() {
    Set<Verdict> worse = EnumSet.of(Verdict.DIFFERS, Verdict.HIGHER, Verdict.MISSING);
    return lines.stream().noneMatch(line -> worse.contains(line.verdict()));
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
    int before = lines.size();
    TreeSet<String> histograms = new TreeSet<>(one.histograms().keySet());
    histograms.addAll(other.histograms().keySet());
    for (String name : histograms) {
      Time first = Time.of(one.histograms().get(name));
      Time second = Time.of(other.histograms().get(name));
      lines.add(line(one.cell(), name + ".p50", first, second));
    }
    // Of figures, times whose rounds have a spread: of translate.ns it is translate.spread.
    TreeSet<String> figures = new TreeSet<>(one.figures().keySet());
    figures.addAll(other.figures().keySet());
    for (String name : figures) {
      String spread = name.replaceAll("\\.ns$", ".spread");
      if (name.endsWith(".ns") && figures.contains(spread)) {
        Time first = Time.of(one.figures().get(name), one.figures().get(spread));
        Time second = Time.of(other.figures().get(name), other.figures().get(spread));
        lines.add(line(one.cell(), name, first, second));
      }
    }
    if (lines.size() == before) {
      lines.add(line(one.cell(), "any time", Time.NONE, Time.NONE));
    }
  }

  /** A median and the spread around it; NaN where nothing was timed. */
  private record Time(double median, double spread) {
    static final Time NONE = new Time(Double.NaN, Double.NaN);

    static Time of(@Nullable Histogram histogram) {
      return histogram == null || histogram.getTotalCount() == 0
          ? NONE
          : new Time(histogram.getValueAtPercentile(50), Comparison.spread(histogram));
    }

    static Time of(@Nullable Double figure, @Nullable Double spread) {
      return figure == null || spread == null ? NONE : new Time(figure, spread);
    }
  }

  private static Line line(Cell cell, String name, Time first, Time second) {
    double spread = Math.max(first.spread, second.spread);
    boolean missing = first.equals(Time.NONE) || second.equals(Time.NONE);
    Verdict verdict = missing ? Verdict.MISSING : verdict(first.median, second.median, spread);
    return new Line(cell, name, first.median, second.median, spread, verdict);
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
