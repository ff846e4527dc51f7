package dev.nestwalk.cli;

import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The reads of a nested walk in columns: the second-stage reads that lead to a first-stage entry,
 * then that entry; last the column of the output, which has no entry.
 *
 * @param columns the columns, in the order of the walk
 */
record WalkGrid(List<Column> columns) {
  private static final Pattern INDEX = Pattern.compile("index ([0-9]+)");

  /**
   * A column.
   *
   * @param title what the second-stage reads lead to
   * @param second the second-stage reads
   * @param first the entry that they lead to; none in the last column
   */
  record Column(String title, List<Read> second, List<Read> first) {}

  /**
   * A read.
   *
   * @param number position among the reads of the grid, from 1
   * @param level as the specification counts
   * @param index in its table, or empty
   */
  record Read(int number, Step step, int level, String index) {}

  /** The grid of a walk; configuration reads that pass no second stage are left out. */
  static WalkGrid of(Trace trace, String firstStage) {
    List<Column> columns = new ArrayList<>();
    List<Read> second = new ArrayList<>();
    int number = 0;
    for (Step step : trace.steps()) {
      boolean through = step.stage() == 1 || step.stage() == 0 && !second.isEmpty();
      if (step.read().isEmpty() || step.stage() == 0 && second.isEmpty()) {
        continue;
      }
      Matcher index = INDEX.matcher(step.title());
      Read read = new Read(++number, step, step.level(), index.find() ? index.group(1) : "");
      if (!through) {
        second.add(read);
        continue;
      }
      String title =
          step.stage() == 0 ? step.title() : "%s level %d".formatted(firstStage, step.level());
      columns.add(new Column(title, List.copyOf(second), List.of(read)));
      second.clear();
    }
    columns.add(new Column("output", List.copyOf(second), List.of()));
    return new WalkGrid(columns);
  }

  /** All reads in the order of the walk. */
  List<Read> reads() {
    List<Read> all = new ArrayList<>();
    for (Column column : columns) {
      all.addAll(column.second);
      all.addAll(column.first);
    }
    return all;
  }

  /** A line per read. */
  String markdown(String secondStage) {
    StringBuilder text = new StringBuilder(4096);
    text.append("| read | for | entry | index | its address | in memory at | word | leads to |\n");
    text.append("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (Column column : columns) {
      String target = column.title.replace(" level", ", level");
      for (Read read : column.second) {
        line(text, read, target, secondStage + ", level " + read.level);
      }
      for (Read read : column.first) {
        line(text, read, target, "**" + target + "**");
      }
    }
    return text.toString();
  }

  private static void line(StringBuilder text, Read read, String target, String entry) {
    Step step = read.step;
    String word = step.words().length == 1 ? "%016x".formatted(step.words()[0]) : "64 bytes";
    text.append(
        "| %d | %s | %s | %s | %s 0x%x | 0x%x | %s | %s |%n"
            .formatted(
                read.number,
                target,
                entry,
                read.index,
                step.space(),
                step.address(),
                step.host(),
                word,
                step.rule().replace("points to the next", "next").replace("page; output", "page")));
  }
}
