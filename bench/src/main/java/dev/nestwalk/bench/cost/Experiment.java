package dev.nestwalk.bench.cost;

import java.util.List;

/** A question, the cells that answer it, the shape that the answer should have, and the judge. */
public interface Experiment {
  /** How much is run. */
  enum Size {
    /** For tests: seconds for all experiments together. */
    SMALL,
    /** For the tour: five minutes for all together. */
    TOUR
  }

  /** {@code "E1"} to {@code "E9"}. */
  String name();

  /** A few words. */
  String title();

  /** What it asks, one sentence. */
  String question();

  /** The shape that is expected, in words. */
  String expected();

  /** Figures of others, and where they stand. */
  List<Published> published();

  /** What the figures mean, and where they agree with the published ones and why not. */
  default String reading() {
    return "";
  }

  /** What is run; each cell once. */
  List<Cell> cells(Size size);

  /**
   * Judges.
   *
   * @param results of all cells, in any order
   * @return a verdict for each part of the expected shape
   */
  List<Verdict> judge(List<CellResult> results);

  /** The cost of nesting in one sentence: nested beside single stage, as a ratio. */
  String headline(List<CellResult> results);

  /** What to draw. */
  List<Plot> plots(List<CellResult> results);
}
