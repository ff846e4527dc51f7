package dev.nestwalk.bench.cost;

import java.util.List;

/**
 * A plot before it is drawn.
 *
 * @param name of a file, without its suffix
 * @param title one line
 * @param text what it shows, in words, for those who do not see it
 * @param x what goes across, with its unit
 * @param y what goes up, with its unit
 * @param form how it is drawn
 * @param series the figures
 */
public record Plot(
    String name, String title, String text, String x, String y, Form form, List<Series> series) {
  /** How a plot is drawn. */
  public enum Form {
    /** Bars, grouped by the labels of x. */
    BARS,
    /** Lines over numbers. */
    LINES,
    /** Lines over numbers, x logarithmic (base 2). */
    LOG_LINES
  }

  /**
   * One line or one colour of bars.
   *
   * @param name of the legend
   * @param points from left to right
   */
  public record Series(String name, List<Point> points) {
    /** Copies the points. */
    public Series {
      points = List.copyOf(points);
    }
  }

  /**
   * One point.
   *
   * @param label of x; for lines a number
   * @param y the figure
   */
  public record Point(String label, double y) {}

  /** Copies the series. */
  public Plot {
    series = List.copyOf(series);
  }
}
