package dev.nestwalk.bench.cost;

import dev.nestwalk.bench.cost.model.CountedEngine;
import dev.nestwalk.bench.cost.timed.TimedEngine;
import dev.nestwalk.bench.cost.workload.Workloads;

/** Runs cells. */
public final class Runner {
  /**
   * Runs a cell with the workload that it names.
   *
   * @throws IllegalArgumentException in one line if the cell contradicts itself or its tables do
   *     not fit
   */
  public static CellResult run(Cell cell) {
    return run(cell, Workloads.of(cell.get(Axis.WORKLOAD)));
  }

  /**
   * Runs a cell with another workload, a trace for example.
   *
   * @throws IllegalArgumentException in one line if the cell contradicts itself or its tables do
   *     not fit
   */
  public static CellResult run(Cell cell, Workload workload) {
    return cell.isTimed()
        ? TimedEngine.run(cell, workload)
        : CellResult.counted(cell, CountedEngine.run(cell, workload));
  }

  private Runner() {}
}
