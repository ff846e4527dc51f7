package dev.nestwalk.bench.cost;

import java.util.function.Consumer;

/**
 * What devices do: a stream of maps, accesses and unmaps. The same cell gives the same stream on
 * every machine.
 *
 * <p>Workloads of your own: implement {@link Provider}, and name it in {@code
 * META-INF/services/dev.nestwalk.bench.cost.Workload$Provider} on the class path.
 */
@FunctionalInterface
public interface Workload {
  /**
   * Plays {@link Axis#WARMUP} and then {@link Axis#REQUESTS} requests, each of which ends with a
   * {@link DmaOp.Kind#REQUEST}.
   *
   * @param cell tenants, order, policy, seed
   * @param sink takes the events in order; may throw to end the stream
   */
  void play(Cell cell, Consumer<DmaOp> sink);

  /** Makes workloads of the texts that name one. */
  interface Provider {
    /** The first part of the text, before the first colon. */
    String name();

    /** One line: what it does, which parameters it takes. */
    String help();

    /**
     * The workload.
     *
     * @param parameters what follows the name and its colon; empty if nothing does
     * @throws IllegalArgumentException in one line if they are none
     */
    Workload make(String parameters);
  }
}
