package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** What all experiments have: their texts. */
abstract class Question implements Experiment {
  private final String name;
  private final String title;
  private final String question;
  private final String expected;
  private final List<Published> published;

  Question(String name, String title, String question, String expected, Published... published) {
    this.name = name;
    this.title = title;
    this.question = question;
    this.expected = expected;
    this.published = List.of(published);
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final String title() {
    return title;
  }

  @Override
  public final String question() {
    return question;
  }

  @Override
  public final String expected() {
    return expected;
  }

  @Override
  public final List<Published> published() {
    return published;
  }

  /** Each cell with each of these changes. */
  static List<Cell> cross(List<Cell> cells, List<UnaryOperator<Cell>> changes) {
    List<Cell> all = new ArrayList<>();
    for (Cell cell : cells) {
      changes.forEach(change -> all.add(change.apply(cell)));
    }
    return all;
  }

  /** A figure with so many digits behind the point, the same in every country. */
  static String figure(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  /** Figures with so many digits behind the point, between commas. */
  static String figures(double[] values, int digits) {
    return Arrays.stream(values)
        .mapToObj(value -> figure(value, digits))
        .collect(Collectors.joining(", "));
  }

  static Plot.Point point(Object x, double y) {
    return new Plot.Point(String.valueOf(x), y);
  }
}
