package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.report.CostException;
import picocli.CommandLine.Option;

/** Times of the user's machine. */
final class LatencyOption {
  @Option(
      names = "--latency",
      paramLabel = "NAME=NS,…",
      description = {
        "Times of your machine for shares of line rate, in nanoseconds: dram, pcie, iotlb, cache,"
            + " packet, map, unmap, invalidate, flush, trap; and walkers, the number of walks at"
            + " once.",
        "Default: dram=50,pcie=450,iotlb=2,cache=5,walkers=1 and those of docs/cost/README.md."
      })
  private String latency = "";

  LatencyOption() {}

  /**
   * The model with these times, the others default.
   *
   * @throws CostException if they are none
   */
  LatencyModel model() {
    if (latency.isEmpty()) {
      return LatencyModel.DEFAULT;
    }
    try {
      return LatencyModel.parse(latency);
    } catch (IllegalArgumentException e) {
      throw new CostException(String.valueOf(e.getMessage()));
    }
  }

  /** As it was given, empty if it was not. */
  String text() {
    return latency;
  }
}
