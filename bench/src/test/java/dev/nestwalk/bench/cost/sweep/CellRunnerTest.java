package dev.nestwalk.bench.cost.sweep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class CellRunnerTest {
  /** An engine that takes a millisecond for the first request of each tenant, then next to none. */
  private static CellResult mapsFirst(Cell cell) {
    long until =
        System.nanoTime()
            + TimeUnit.MILLISECONDS.toNanos(
                Math.min(cell.number(Axis.TENANTS), cell.number(Axis.REQUESTS)));
    while (System.nanoTime() < until) {
      LockSupport.parkNanos(until - System.nanoTime());
    }
    return CellResult.counted(cell, Counts.NONE);
  }

  @Test
  void anEstimateTakesTheFirstRequestsForWhatTheyAre() {
    CellRunner runner = new CellRunner(CellRunnerTest::mapsFirst, 1);
    Cell cell = Cell.parse("tenants=64 requests=100000");
    double seconds = runner.estimate(List.of(cell));
    // Were each request as dear as the first ones, it would be more than fifteen.
    assertTrue(seconds >= 0.06 && seconds < 5, () -> seconds + " s");
    assertEquals(0, runner.estimate(List.of()));
  }
}
