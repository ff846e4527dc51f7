package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.report.CostException;

/** Checks of arguments. */
final class Arguments {
  static void atLeast(String name, int value, int least) {
    if (value < least) {
      throw new CostException("%s %d: expected at least %d".formatted(name, value, least));
    }
  }

  private Arguments() {}
}
