package dev.nestwalk.bench.cost.sweep;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.bench.cost.report.RunDocument;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.HdrHistogram.Histogram;

/**
 * The merged results of several folders or files. A counted cell that occurs more than once must
 * have equal counts, and is taken once. For a timed cell counts are added, histograms merged and
 * figures averaged.
 *
 * @param results by cell
 * @param duplicates cells that occurred more than once
 * @param contradictions counted cells whose counts differ
 * @param holes cells of a plan that are not finished
 * @param refused cells that contradict themselves, with the reason
 * @param total sum of the counts of all cells
 */
public record Merged(
    List<CellResult> results,
    List<Cell> duplicates,
    List<Cell> contradictions,
    List<Cell> holes,
    Map<Cell, String> refused,
    Counts total) {

  /**
   * Merges.
   *
   * @param sources folders of sweeps, or files that {@code --json} wrote
   * @throws CostException in one line if one cannot be read, or the folders hold different sweeps
   */
  public static Merged of(List<Path> sources) {
    Merger merger = new Merger();
    TreeSet<Cell> planned = new TreeSet<>();
    String digest = "";
    Path first = sources.get(0);
    for (Path source : sources) {
      if (!Files.isDirectory(source)) {
        RunDocument.read(source).results().forEach(merger::add);
        continue;
      }
      SweepPlan plan = CellStore.plan(source);
      if (!digest.isEmpty() && !digest.equals(plan.digest())) {
        throw new CostException(
            "%s and %s: hold different sweeps, expected shards of one".formatted(first, source));
      }
      if (digest.isEmpty()) {
        first = source;
      }
      digest = plan.digest();
      planned.addAll(plan.cells());
      CellStore.readAll(source, merger::add);
    }
    planned.removeAll(merger.results.keySet());
    planned.removeAll(merger.refused.keySet());
    try {
      return merger.merged(List.copyOf(planned));
    } catch (ArithmeticException e) {
      throw new CostException(first + ": counts add up to more than 64 bits");
    }
  }

  /** Whether nothing is missing and nothing contradicts. */
  public boolean isWhole() {
    return holes.isEmpty() && contradictions.isEmpty();
  }

  private static final class Merger {
    final Map<Cell, CellResult> results = new TreeMap<>();
    final Map<Cell, Integer> times = new TreeMap<>();
    final Map<Cell, String> refused = new TreeMap<>();
    final TreeSet<Cell> duplicates = new TreeSet<>();
    final TreeSet<Cell> contradictions = new TreeSet<>();

    void add(Finished finished) {
      CellResult result = finished.result();
      if (result == null) {
        refused.put(finished.cell(), finished.refused());
      } else {
        add(result);
      }
    }

    void add(CellResult result) {
      Cell cell = result.cell();
      CellResult known = results.get(cell);
      times.merge(cell, 1, Integer::sum);
      if (known == null) {
        results.put(cell, result);
        return;
      }
      duplicates.add(cell);
      if (cell.isTimed()) {
        results.put(cell, sum(known, result));
      } else if (!known.counts().equals(result.counts())) {
        contradictions.add(cell);
      }
    }

    private CellResult sum(CellResult known, CellResult result) {
      try {
        return both(known, result, times.getOrDefault(known.cell(), 1));
      } catch (ArithmeticException | ArrayIndexOutOfBoundsException e) {
        throw new CostException(known.cell() + ": two results do not add up");
      }
    }

    /** Two timed results as one; {@code times} results are in it then. */
    private static CellResult both(CellResult one, CellResult other, int times) {
      Map<String, Histogram> histograms = new TreeMap<>();
      one.histograms().forEach((name, histogram) -> histograms.put(name, histogram.copy()));
      other
          .histograms()
          .forEach(
              (name, histogram) -> {
                Histogram sum = histograms.get(name);
                if (sum == null) {
                  histograms.put(name, histogram.copy());
                } else {
                  sum.setAutoResize(true);
                  sum.add(histogram);
                }
              });
      Map<String, Double> figures = new TreeMap<>(one.figures());
      other
          .figures()
          .forEach(
              (name, value) ->
                  figures.merge(name, value, (sum, more) -> (sum * (times - 1) + more) / times));
      return new CellResult(
          one.cell(), one.counts().plus(other.counts()), histograms, figures, one.manifest());
    }

    Merged merged(List<Cell> holes) {
      Counts total = Counts.NONE;
      for (CellResult result : results.values()) {
        total = total.plus(result.counts());
      }
      return new Merged(
          List.copyOf(results.values()),
          List.copyOf(duplicates),
          List.copyOf(contradictions),
          holes,
          Map.copyOf(Objects.requireNonNull(refused)),
          total);
    }
  }
}
