package dev.nestwalk.bench.cost.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Properties;

/** Pieces of a page. */
final class Html {
  private static final String WEBJAR = "META-INF/maven/org.webjars.npm/uplot/pom.properties";

  /** Text as an element or an attribute takes it. */
  static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  /** JSON as a script element takes it: nothing in it ends the element. */
  static String inScript(String json) {
    return json.replace("<", "\\u003c");
  }

  /** A row of header cells; the first is of words, the others of numbers. */
  static String header(List<String> names) {
    StringBuilder row = new StringBuilder("<thead><tr>");
    for (int i = 0; i < names.size(); i++) {
      row.append(i == 0 ? "<th scope=col>" : "<th scope=col class=n>")
          .append(escaped(names.get(i)))
          .append("</th>");
    }
    return row.append("</tr></thead>").toString();
  }

  /** A row whose first cell names it. */
  static String row(List<String> values) {
    StringBuilder row = new StringBuilder("<tr>");
    for (int i = 0; i < values.size(); i++) {
      row.append(i == 0 ? "<th scope=row>" : "<td class=n>")
          .append(escaped(values.get(i)))
          .append(i == 0 ? "</th>" : "</td>");
    }
    return row.append("</tr>\n").toString();
  }

  /** A number as a table shows it: four digits that count, the same in every country. */
  static String number(double value) {
    if (Double.isNaN(value)) {
      return "–";
    }
    if (value == Math.rint(value) && Math.abs(value) < 1e15) {
      return String.format(Locale.ROOT, "%.0f", value);
    }
    double size = Math.abs(value);
    int digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 3 : 5;
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  /**
   * Numbers below one another, all with as many decimals: enough for three digits of the largest
   * and two of the smallest one that is not zero.
   */
  static List<String> column(List<Double> values) {
    double largest = 0;
    double smallest = Double.POSITIVE_INFINITY;
    boolean whole = true;
    for (double value : values) {
      double size = Math.abs(value);
      if (size > 0) { // neither zero nor missing
        largest = Math.max(largest, size);
        smallest = Math.min(smallest, size);
        whole &= value == Math.rint(value);
      }
    }
    int digits = largest >= 1000 ? 0 : largest >= 100 ? 1 : largest >= 10 ? 2 : 3;
    while (digits < 5 && smallest * Math.pow(10, digits) < 9.95) {
      digits++;
    }
    String format = "%." + (whole ? 0 : digits) + "f";
    return values.stream()
        .map(value -> Double.isNaN(value) ? "–" : String.format(Locale.ROOT, format, value))
        .toList();
  }

  /** Rows of texts, and of numbers in columns of as many decimals each. */
  static String rows(List<List<String>> names, List<List<Double>> columns) {
    List<List<String>> shown = columns.stream().map(Html::column).toList();
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < names.size(); i++) {
      List<String> row = new ArrayList<>(names.get(i));
      for (List<String> column : shown) {
        row.add(column.get(i));
      }
      rows.append(row(row));
    }
    return rows.toString();
  }

  /** A resource of this package. */
  static String resource(String name) {
    return text(Html.class.getResourceAsStream(name), name);
  }

  /** A file of uPlot, out of its WebJar. */
  static String uplot(String name) {
    ClassLoader loader = Objects.requireNonNull(Html.class.getClassLoader());
    Properties version = new Properties();
    try (InputStream in = loader.getResourceAsStream(WEBJAR)) {
      version.load(Objects.requireNonNull(in, "uPlot is not on the class path"));
    } catch (IOException e) {
      throw new IllegalStateException("uPlot's version cannot be read", e);
    }
    String path = "META-INF/resources/webjars/uplot/" + version.getProperty("version") + "/" + name;
    return text(loader.getResourceAsStream(path), path);
  }

  private static String text(@org.jspecify.annotations.Nullable InputStream found, String name) {
    try (InputStream in = Objects.requireNonNull(found, name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(name + " cannot be read", e);
    }
  }

  private Html() {}
}
