package dev.nestwalk.bench.cost.report;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.LatencyModel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Results as comma-separated values (RFC 4180): a line a cell, its axes first, then every count,
 * every figure that was measured or that the latency model makes of the counts, of every histogram
 * p50, p90, p99, p99.9 and the maximum in nanoseconds, and where a result has one its note.
 */
public final class Csv {
  static final Map<String, Double> PERCENTILES =
      new java.util.TreeMap<>(Map.of("p50", 50.0, "p90", 90.0, "p99", 99.0, "p99.9", 99.9));

  /** The text, its names first. */
  public static String of(RunDocument document) {
    List<CellResult> results = document.results();
    LatencyModel model = document.model();
    TreeSet<String> counts = new TreeSet<>();
    TreeSet<String> figures = new TreeSet<>();
    TreeSet<String> histograms = new TreeSet<>();
    Set<String> modelled = new LinkedHashSet<>();
    for (CellResult result : results) {
      counts.addAll(result.counts().all().keySet());
      figures.addAll(result.figures().keySet());
      histograms.addAll(result.histograms().keySet());
      modelled.addAll(Modelled.of(result, model).keySet());
    }
    List<String> names = new ArrayList<>();
    for (Axis axis : Axis.values()) {
      names.add(axis.label());
    }
    names.addAll(counts);
    names.addAll(figures);
    names.addAll(modelled);
    for (String name : histograms) {
      PERCENTILES.keySet().forEach(percentile -> names.add(name + "." + percentile));
      names.add(name + ".max");
    }
    boolean noted = results.stream().anyMatch(result -> !result.note().isEmpty());
    if (noted) {
      names.add("note");
    }
    StringBuilder text = new StringBuilder(4096);
    line(text, names);
    for (CellResult result : results) {
      List<String> values = new ArrayList<>();
      result.cell().values().values().forEach(values::add);
      counts.forEach(name -> values.add(Long.toString(result.counts().get(name))));
      figures.forEach(name -> values.add(text(result.figures().get(name))));
      Map<String, Double> ofModel = Modelled.of(result, model);
      modelled.forEach(name -> values.add(text(ofModel.get(name))));
      for (String name : histograms) {
        Histogram histogram = result.histograms().get(name);
        for (double percentile : PERCENTILES.values()) {
          values.add(
              histogram == null ? "" : Long.toString(histogram.getValueAtPercentile(percentile)));
        }
        values.add(histogram == null ? "" : Long.toString(histogram.getMaxValue()));
      }
      if (noted) {
        values.add(result.note());
      }
      line(text, values);
    }
    return text.toString();
  }

  private static String text(@Nullable Double figure) {
    return figure == null ? "" : figure.toString();
  }

  private static void line(StringBuilder text, List<String> values) {
    text.append(values.stream().map(Csv::quoted).collect(Collectors.joining(","))).append('\n');
  }

  private static String quoted(String value) {
    return value.matches("[^,\"\r\n]*") ? value : "\"" + value.replace("\"", "\"\"") + "\"";
  }

  private Csv() {}
}
