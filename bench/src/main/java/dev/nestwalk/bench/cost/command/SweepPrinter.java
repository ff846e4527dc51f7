package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.report.SweepTable;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** A table of cells on a terminal. */
final class SweepPrinter {
  /** Prints up to so many rows, columns as wide as they need to be. */
  static void print(SweepTable table, int most, PrintWriter out) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(table.names());
    List<List<String>> all = table.rows();
    rows.addAll(all.subList(0, Math.min(most, all.size())));
    int[] widths = new int[rows.get(0).size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String padding = " ".repeat(widths[i] - row.get(i).length());
        line.append(i == 0 ? "" : "  ");
        boolean number = row.get(i).matches("[\\d.–]+");
        line.append(number ? padding + row.get(i) : row.get(i) + padding);
      }
      out.println(line.toString().stripTrailing());
    }
    if (all.size() > most) {
      out.println("… and %d more (--csv or --html has all)".formatted(all.size() - most));
    }
    table.notes().forEach(out::println);
  }

  private SweepPrinter() {}
}
