package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import java.util.List;

/** Results to choose from by the values of their cells. */
record Results(List<CellResult> all) {
  Results {
    all = List.copyOf(all);
  }

  /** Those with this value. */
  Results where(Axis axis, String value) {
    String canonical = axis.canonical(value);
    return new Results(
        all.stream().filter(result -> result.cell().get(axis).equals(canonical)).toList());
  }

  /** Those with this number. */
  Results where(Axis axis, int value) {
    return where(axis, Integer.toString(value));
  }

  /** Nested results, or those of one stage alone. */
  Results nested(boolean nested) {
    return new Results(all.stream().filter(result -> result.cell().isNested() == nested).toList());
  }

  /**
   * The only one left.
   *
   * @throws IllegalArgumentException if there are none or more
   */
  CellResult one() {
    if (all.size() != 1) {
      throw new IllegalArgumentException(
          "%d results, expected one: %s"
              .formatted(all.size(), all.isEmpty() ? "a cell is missing" : all.get(0).cell()));
    }
    return all.get(0);
  }

  /** Counts of the only one left. */
  Counts counts() {
    return one().counts();
  }

  /** Values of an axis, in the order of their cells' appearance by number. */
  List<Integer> numbers(Axis axis) {
    return all.stream().map(result -> result.cell().number(axis)).distinct().sorted().toList();
  }
}
