package dev.nestwalk.bench;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jetbrains.letsPlot.commons.geometry.DoubleVector;
import org.jetbrains.letsPlot.core.util.PlotSvgExportCommon;

/**
 * Draws charts as SVG, with identical bytes on every machine: the library measures text by its own
 * tables, so the machine's fonts do not matter.
 */
public final class ChartSvg {
  /** Colour of text and lines, which is replaced on a dark background. */
  static final String INK = "rgb(31,35,40)";

  /** {@link #INK} in the notation that the library uses in the style of labels. */
  private static final String INK_HEX = "#1f2328";

  private static final String GRID = "rgb(216,222,228)";

  private static final String THEME =
      """
      {"name": "minimal",
       "text": {"name": "text", "color": "%s", "blank": false},
       "title": {"name": "text", "size": 16, "blank": false},
       "line": {"name": "line", "color": "%s", "blank": false},
       "panel_grid_major": {"name": "line", "color": "%s", "size": 0.7, "blank": false},
       "panel_grid_minor": {"name": "line", "blank": true},
       "axis_line": {"name": "line", "color": "%s", "blank": false},
       "plot_background": {"name": "rect", "fill": "rgb(255,255,255)", "color": "rgb(255,255,255)",
         "size": 0, "blank": false},
       "axis_tooltip": {"blank": true},
       "legend_position": "bottom"}
      """
          .formatted(INK, INK, GRID, INK);

  private static final String DARK =
      """
      @media (prefers-color-scheme: dark) {
        text[class], text[style*="%3$s"] { fill: #e6edf3 !important; }
        [stroke="%1$s"] { stroke: #8b949e; }
        [stroke="%2$s"] { stroke: #30363d; }
        [fill="rgb(255,255,255)"] { fill: #0d1117; }
        [stroke="rgb(255,255,255)"] { stroke: #0d1117; }
      }
      """
          .formatted(INK, GRID, INK_HEX);

  private static final String HEAD =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %1$d %2$d\" width=\"%1$d\""
          + " height=\"%2$d\" role=\"img\" aria-labelledby=\"t d\">\n";

  /** Style of tooltips in a browser; a picture in a page has none. */
  private static final Pattern TOOLTIP_RULE =
      Pattern.compile("#\\w+ \\.[\\w-]*tooltip[\\w-]* \\{[^}]*}\n");

  private static final Pattern ID =
      Pattern.compile("(?:id=\"|url\\(#|<style[^>]*>.*?#)(\\w{7})\\b");
  private static final Pattern DECIMAL = Pattern.compile("-?\\d+\\.\\d+(?:E-?\\d+)?");
  private static final Pattern SPACE_IN_TEXT = Pattern.compile("(<text[^>]*>)\\s+|\\s+(</text>)");

  /** The complete file. */
  public static String of(Chart chart) {
    Gson gson = new Gson();
    var type = new TypeToken<Map<String, Object>>() {}.getType();
    Map<String, Object> spec = gson.fromJson(chart.spec(), type);
    spec.put("kind", "plot");
    spec.put("data", chart.data());
    spec.put("ggtitle", Map.of("text", chart.title()));
    spec.put("theme", gson.fromJson(THEME, type));
    String drawn =
        PlotSvgExportCommon.INSTANCE.buildSvgImageFromRawSpecs(
            spec,
            new DoubleVector(chart.width(), chart.height()),
            (width, height, pixels) -> {
              throw new UnsupportedOperationException("charts have no pixels");
            },
            false);
    return told(chart, still(drawn));
  }

  /** The chart without random names and invisible digits, which differ between runs. */
  private static String still(String drawn) {
    String svg = TOOLTIP_RULE.matcher(drawn).replaceAll("");
    Matcher id = ID.matcher(svg);
    int count = 0;
    while (id.find()) {
      svg = svg.replace(id.group(1), "i" + count++);
      id = ID.matcher(svg);
    }
    svg = DECIMAL.matcher(svg).replaceAll(number -> rounded(number.group()));
    svg = SPACE_IN_TEXT.matcher(svg).replaceAll("$1$2");
    return svg.replaceAll("(?m)\\s+$", "").replaceAll("\n\\s*(</(?:line|path|rect|circle)>)", "$1");
  }

  private static String rounded(String number) {
    String text = String.format(Locale.ROOT, "%.2f", Double.parseDouble(number));
    String brief = text.replaceAll("\\.?0+$", "");
    return brief.equals("-0") ? "0" : brief;
  }

  /**
   * Adds a title, a description and figures for screen readers, and colours for a dark background.
   */
  private static String told(Chart chart, String svg) {
    int end = svg.indexOf('>') + 1;
    String head = String.format(Locale.ROOT, HEAD, chart.width(), chart.height());
    String told =
        "<title id=\"t\">%s</title>\n<desc id=\"d\">%s</desc>\n<metadata>\n%s</metadata>\n"
            .formatted(escaped(chart.title()), escaped(chart.text()), escaped(chart.csv()));
    String body =
        svg.substring(end).replaceFirst("</style>", Matcher.quoteReplacement(DARK + "</style>"));
    return head + told + body.strip() + "\n";
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;");
  }

  private ChartSvg() {}
}
