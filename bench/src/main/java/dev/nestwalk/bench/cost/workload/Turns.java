package dev.nestwalk.bench.cost.workload;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import java.util.Random;

/** Whose turn it is: round robin or random, for bursts of requests. */
final class Turns {
  private final int tenants;
  private final int burst;
  private final boolean random;
  private final Random dice;
  private int tenant;
  private int left;

  Turns(Cell cell) {
    tenants = cell.number(Axis.TENANTS);
    burst = cell.number(Axis.BURST);
    random = cell.get(Axis.ORDER).equals("random");
    dice = new Random(31L * cell.number(Axis.SEED) + 7);
    tenant = tenants - 1;
  }

  /** The tenant of the next request, from 0. */
  int next() {
    if (left == 0) {
      left = burst;
      tenant = random ? dice.nextInt(tenants) : (tenant + 1) % tenants;
    }
    left--;
    return tenant;
  }
}
