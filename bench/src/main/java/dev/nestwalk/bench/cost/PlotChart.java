package dev.nestwalk.bench.cost;

import com.google.gson.Gson;
import dev.nestwalk.bench.Chart;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Plots as charts, which {@link dev.nestwalk.bench.ChartSvg} draws. */
public final class PlotChart {
  private static final int WIDTH = 760;
  private static final int HEIGHT = 420;
  private static final int ROW = 26;

  /** More labels than this read better from top to bottom. */
  private static final int MANY = 12;

  /** A legend of more series than this takes several lines. */
  private static final int ONE_LINE = 4;

  private static final List<String> COLOURS =
      List.of("#0072b2", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7");

  /** The plot as a chart. */
  public static Chart of(Plot plot) {
    boolean bars = plot.form() == Plot.Form.BARS;
    List<Object> across = new ArrayList<>();
    List<Object> up = new ArrayList<>();
    List<Object> names = new ArrayList<>();
    Set<String> labels = new HashSet<>();
    boolean shared = false;
    for (Plot.Series series : plot.series()) {
      for (Plot.Point point : series.points()) {
        shared |= !labels.add(point.label());
        across.add(bars ? point.label() : (Object) Double.parseDouble(point.label()));
        up.add(Math.round(100 * point.y()) / 100.0);
        names.add(series.name());
      }
    }
    Map<String, List<Object>> columns = new LinkedHashMap<>();
    columns.put("x", across);
    columns.put("y", up);
    columns.put("series", names);
    Map<String, Object> spec = bars ? bars(plot, shared) : lines(plot);
    if (plot.series().size() > ONE_LINE) {
      Object legend = Map.of("name", "legend", "ncol", 3, "byrow", true);
      spec.put("guides", Map.of(bars ? "fill" : "color", legend));
    }
    boolean lying = bars && labels.size() > MANY;
    if (lying) {
      spec.put("coord", Map.of("name", "flip"));
    }
    int height = lying ? 120 + ROW * labels.size() : HEIGHT;
    return new Chart(
        plot.name(), plot.title(), plot.text(), WIDTH, height, columns, new Gson().toJson(spec));
  }

  private static Map<String, Object> bars(Plot plot, boolean shared) {
    Map<String, Object> dodge = Map.of("name", shared ? "dodge" : "identity");
    Map<String, Object> bar =
        Map.of("geom", "bar", "stat", "identity", "position", dodge, "width", 0.85);
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("mapping", Map.of("x", "x", "y", "y", "fill", "series"));
    spec.put("layers", List.of(bar));
    spec.put(
        "scales",
        List.of(
            Map.of("aesthetic", "x", "name", plot.x(), "discrete", true),
            Map.of("aesthetic", "y", "name", plot.y()),
            colours("fill")));
    return spec;
  }

  private static Map<String, Object> lines(Plot plot) {
    Map<String, Object> x = new LinkedHashMap<>();
    x.put("aesthetic", "x");
    x.put("name", plot.x());
    if (plot.form() == Plot.Form.LOG_LINES) {
      x.put("trans", "log2");
      x.put(
          "breaks",
          plot.series().stream()
              .flatMap(series -> series.points().stream())
              .map(point -> Double.parseDouble(point.label()))
              .distinct()
              .sorted()
              .toList());
    }
    Map<String, Object> spec = new LinkedHashMap<>();
    spec.put("mapping", Map.of("x", "x", "y", "y", "color", "series"));
    spec.put(
        "layers", List.of(Map.of("geom", "line", "size", 1.3), Map.of("geom", "point", "size", 3)));
    spec.put("scales", List.of(x, Map.of("aesthetic", "y", "name", plot.y()), colours("color")));
    return spec;
  }

  private static Map<String, Object> colours(String aesthetic) {
    return Map.of("aesthetic", aesthetic, "name", "", "discrete", true, "values", COLOURS);
  }

  private PlotChart() {}
}
