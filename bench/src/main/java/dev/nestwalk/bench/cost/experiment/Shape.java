package dev.nestwalk.bench.cost.experiment;

/** Shapes of rows of figures. */
final class Shape {
  /**
   * Whether no figure is larger than the one before, but for a share of that.
   *
   * @param slack 0 for none, 0.01 for one percent
   */
  static boolean falls(double[] values, double slack) {
    for (int i = 1; i < values.length; i++) {
      if (values[i] > values[i - 1] * (1 + slack)) {
        return false;
      }
    }
    return true;
  }

  /** Whether no figure is smaller than the one before, but for a share of that. */
  static boolean rises(double[] values, double slack) {
    for (int i = 1; i < values.length; i++) {
      if (values[i] < values[i - 1] * (1 - slack)) {
        return false;
      }
    }
    return true;
  }

  private Shape() {}
}
