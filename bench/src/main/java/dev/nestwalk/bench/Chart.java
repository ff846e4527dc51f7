package dev.nestwalk.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A chart before it is drawn: its figures, and how to draw them.
 *
 * @param name name of the file, without its suffix
 * @param title one line above the picture
 * @param text description of the picture for readers who do not see it
 * @param width pixels
 * @param height pixels
 * @param data columns of equal length
 * @param spec how lets-plot draws the columns: mapping, layers, scales, as JSON
 */
public record Chart(
    String name,
    String title,
    String text,
    int width,
    int height,
    Map<String, List<Object>> data,
    String spec) {

  /** Columns with these names, to be filled row by row. */
  static Map<String, List<Object>> columns(String... names) {
    Map<String, List<Object>> columns = new LinkedHashMap<>();
    for (String name : names) {
      columns.put(name, new ArrayList<>());
    }
    return columns;
  }

  /** Appends a row. */
  static void add(Map<String, List<Object>> columns, Object... values) {
    int i = 0;
    for (List<Object> column : columns.values()) {
      column.add(values[i++]);
    }
  }

  /** The figures as comma-separated values below their names. */
  String csv() {
    StringBuilder lines = new StringBuilder(String.join(",", data.keySet())).append('\n');
    List<List<Object>> columns = List.copyOf(data.values());
    for (int row = 0; row < columns.get(0).size(); row++) {
      List<String> cells = new ArrayList<>();
      for (List<Object> column : columns) {
        cells.add(String.valueOf(column.get(row)).replace(",", ""));
      }
      lines.append(String.join(",", cells)).append('\n');
    }
    return lines.toString();
  }
}
