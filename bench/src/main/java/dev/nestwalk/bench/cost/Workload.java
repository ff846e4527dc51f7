package dev.nestwalk.bench.cost;

import java.util.function.Consumer;

/**
 * What devices do: a stream of maps, accesses and unmaps. Equal cells give equal streams on every
 * machine.
 *
 * <p>To add a workload, implement {@link Provider}, and name the class in {@code
 * META-INF/services/dev.nestwalk.bench.cost.Workload$Provider} on the class path.
 */
@FunctionalInterface
public interface Workload {
  /**
   * Plays {@link Axis#WARMUP} and then {@link Axis#REQUESTS} requests, each of which ends with a
   * {@link DmaOp.Kind#REQUEST}.
   *
   * @param cell tenants, order, policy, seed
   * @param sink receives the events in order; may throw to end the stream
   */
  void play(Cell cell, Consumer<DmaOp> sink);

  /** Makes workloads from the texts that name them. */
  interface Provider {
    /** The first part of the text, before the first colon. */
    String name();

    /** Its behaviour and parameters in one line. */
    String help();

    /**
     * Makes a workload.
     *
     * @param parameters the text after the name and its colon, or empty
     * @throws IllegalArgumentException with a message of one line if they are invalid
     */
    Workload make(String parameters);
  }
}
