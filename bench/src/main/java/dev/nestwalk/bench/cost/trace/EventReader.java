package dev.nestwalk.bench.cost.trace;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads the events of a trace one by one.
 *
 * @param <T> what an event is
 */
interface EventReader<T> {
  /**
   * The next event, null after the last.
   *
   * @throws TraceException if the trace cannot be read on
   */
  @Nullable T next() throws IOException;

  /** Lines or blocks that are no events. */
  default long skipped() {
    return 0;
  }
}
