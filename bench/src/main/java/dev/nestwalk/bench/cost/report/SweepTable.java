package dev.nestwalk.bench.cost.report;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.Plot;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.HdrHistogram.Histogram;

/** Results without an experiment: a table of what varies, and plots along its longest axis. */
public final class SweepTable {
  private static final Pattern DIGITS = Pattern.compile("\\d{1,18}");
  private static final int GIGABITS = 200;
  private static final int MOST_SERIES = 8;
  private static final int MOST_ROWS = 5_000;

  private final List<CellResult> results;
  private final LatencyModel model;
  private final List<Axis> varied;

  /** Of a document's results. */
  public SweepTable(RunDocument document) {
    results = document.results().stream().sorted(SweepTable::inOrder).toList();
    model = document.model();
    varied = varied(results.stream().map(CellResult::cell).toList());
  }

  /** Axes on which cells differ. */
  public static List<Axis> varied(Collection<Cell> cells) {
    List<Axis> varied = new ArrayList<>();
    for (Axis axis : Axis.values()) {
      if (cells.stream().map(cell -> cell.get(axis)).distinct().limit(2).count() > 1) {
        varied.add(axis);
      }
    }
    return varied;
  }

  /** Names of the columns: axes that vary, then figures. */
  public List<String> names() {
    List<String> names = new ArrayList<>();
    varied.forEach(axis -> names.add(axis.label()));
    if (names.isEmpty()) {
      names.add("workload");
    }
    boolean timed = results.stream().anyMatch(result -> result.cell().isTimed());
    names.addAll(List.of("requests", "look-ups", "IOTLB hits %", "entries / request", "faults"));
    if (results.stream().anyMatch(result -> !result.cell().isTimed())) {
      names.addAll(List.of("ns / request", "% of 200 Gb/s"));
    }
    if (timed) {
      names.addAll(List.of("p50 ns", "p99 ns"));
    }
    return names;
  }

  /** What has to be said beside the table, each once. */
  public List<String> notes() {
    return results.stream().map(CellResult::note).filter(n -> !n.isEmpty()).distinct().toList();
  }

  /** A row a cell, of at most {@link #MOST_ROWS}. */
  public List<List<String>> rows() {
    boolean timed = results.stream().anyMatch(result -> result.cell().isTimed());
    boolean counted = results.stream().anyMatch(result -> !result.cell().isTimed());
    List<List<String>> rows = new ArrayList<>();
    for (CellResult result : results.subList(0, Math.min(MOST_ROWS, results.size()))) {
      List<String> row = new ArrayList<>();
      varied.forEach(axis -> row.add(result.cell().get(axis)));
      if (row.isEmpty()) {
        row.add(result.cell().get(Axis.WORKLOAD));
      }
      row.add(Long.toString(result.counts().get("request")));
      row.add(Long.toString(result.counts().get("access")));
      row.add(Html.number(100 * hitShare(result)));
      row.add(Html.number(perRequest(result)));
      row.add(Long.toString(result.counts().get("fault")));
      if (counted) {
        row.add(Html.number(modelled(result, Modelled.NANOS)));
        row.add(Html.number(percentOfLine(result)));
      }
      if (timed) {
        row.add(percentile(result, 50));
        row.add(percentile(result, 99));
      }
      rows.add(row);
    }
    return rows;
  }

  /** As a reader counts: 64x8lru before 1024x8lru, 4 tenants before 16. */
  private static int inOrder(CellResult one, CellResult other) {
    for (Axis axis : Axis.values()) {
      String a = one.cell().get(axis);
      String b = other.cell().get(axis);
      int order = Long.compare(number(a), number(b));
      order = order == 0 ? a.compareTo(b) : order;
      if (order != 0) {
        return order;
      }
    }
    return 0;
  }

  /** The number that a value begins with; what begins with none comes last. */
  private static long number(String value) {
    Matcher digits = DIGITS.matcher(value);
    return digits.lookingAt() ? Long.parseLong(digits.group()) : Long.MAX_VALUE;
  }

  private static String percentile(CellResult result, double percentile) {
    for (Histogram histogram : result.histograms().values()) {
      return Long.toString(histogram.getValueAtPercentile(percentile));
    }
    return "–";
  }

  private static double perRequest(CellResult result) {
    return result.counts().get("request") == 0 ? Double.NaN : result.counts().per("ref", "request");
  }

  private double modelled(CellResult result, String name) {
    return Modelled.of(result, model).getOrDefault(name, Double.NaN);
  }

  private double percentOfLine(CellResult result) {
    return 100 * modelled(result, Modelled.line(GIGABITS));
  }

  private static double hitShare(CellResult result) {
    double all = (double) result.counts().get("iotlb.hit") + result.counts().get("iotlb.miss");
    return all == 0 ? Double.NaN : result.counts().get("iotlb.hit") / all;
  }

  /** Table entries of a request and hits of the IOTLB, along the axis with most values. */
  public List<Plot> plots() {
    if (varied.isEmpty()) {
      return List.of();
    }
    Axis along =
        varied.stream()
            .max(Comparator.comparingLong(this::values).thenComparing(Comparator.reverseOrder()))
            .orElseThrow();
    List<Plot> plots = new ArrayList<>();
    plots.add(plot(along, "entries read per request", SweepTable::perRequest));
    if (results.stream().anyMatch(result -> !Double.isNaN(hitShare(result)))) {
      plots.add(plot(along, "percent of look-ups that hit", result -> 100 * hitShare(result)));
    }
    if (results.stream().anyMatch(result -> !result.cell().isTimed())) {
      plots.add(plot(along, "percent of 200 Gb/s by the latency model", this::percentOfLine));
    }
    return plots;
  }

  private long values(Axis axis) {
    return results.stream().map(result -> result.cell().get(axis)).distinct().count();
  }

  /** A figure of a result. */
  private interface Figure {
    double of(CellResult result);
  }

  private Plot plot(Axis along, String y, Figure figure) {
    Map<String, List<Plot.Point>> lines = new LinkedHashMap<>();
    int left = 0;
    for (CellResult result : results) {
      List<String> words = new ArrayList<>();
      for (Axis axis : varied) {
        if (axis != along) {
          words.add(axis.label() + " " + result.cell().get(axis));
        }
      }
      String name = words.isEmpty() ? y : String.join(", ", words);
      double value = figure.of(result);
      if (Double.isNaN(value)) {
        continue;
      }
      if (!lines.containsKey(name) && lines.size() == MOST_SERIES) {
        left++;
        continue;
      }
      lines
          .computeIfAbsent(name, any -> new ArrayList<>())
          .add(new Plot.Point(result.cell().get(along), value));
    }
    boolean numbers = results.stream().allMatch(result -> result.cell().get(along).matches("\\d+"));
    List<Plot.Series> series = new ArrayList<>();
    lines.forEach((name, points) -> series.add(new Plot.Series(name, points)));
    String text =
        "%s by %s%s."
            .formatted(
                Character.toUpperCase(y.charAt(0)) + y.substring(1),
                along.label(),
                left == 0
                    ? ""
                    : "; the first %d combinations, the table has the other %d cells"
                        .formatted(MOST_SERIES, left));
    return new Plot(
        "sweep-" + along.label() + "-" + y.hashCode(),
        text.replaceAll("[;.].*", ""),
        text,
        along.label(),
        y,
        numbers ? Plot.Form.LOG_LINES : Plot.Form.BARS,
        series);
  }
}
