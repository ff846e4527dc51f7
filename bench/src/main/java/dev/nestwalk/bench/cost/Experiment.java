package dev.nestwalk.bench.cost;

import java.util.List;

/**
 * A question, the cells that answer it, the expected shape of the answer, and the check of that
 * shape.
 */
public interface Experiment {
  /** How much is run. */
  enum Size {
    /** For tests: seconds for all experiments together. */
    SMALL,
    /** For the tour: five minutes for all experiments together. */
    TOUR
  }

  /** {@code "E1"} to {@code "E9"}. */
  String name();

  /** The title in a few words. */
  String title();

  /** The question in one sentence. */
  String question();

  /** The expected shape in words. */
  String expected();

  /** Published figures and their sources. */
  List<Published> published();

  /** What the figures mean, and where and why they differ from the published ones. */
  default String reading() {
    return "";
  }

  /** The cells to run, each once. */
  List<Cell> cells(Size size);

  /**
   * Checks the results.
   *
   * @param results results of all cells, in any order
   * @return a verdict for each part of the expected shape
   */
  List<Verdict> judge(List<CellResult> results);

  /** The cost of nesting in one sentence: nested beside single stage, as a ratio. */
  String headline(List<CellResult> results);

  /** The plots. */
  List<Plot> plots(List<CellResult> results);
}
