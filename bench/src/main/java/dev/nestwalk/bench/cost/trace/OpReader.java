package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.DmaOp;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Reads a trace that holds addresses. */
interface OpReader {
  /** Requester of an event that concerns every one. */
  int EVERYONE = -1;

  /** Length of an event that concerns every address. */
  long EVERYTHING = Long.MAX_VALUE;

  /**
   * The next event, null after the last. Requesters are source ids; an invalidation may name {@link
   * #EVERYONE}, and with PASID -1 every PASID, and {@link #EVERYTHING} from address 0.
   *
   * @throws TraceException if the trace cannot be read on
   */
  @Nullable DmaOp next() throws IOException;

  /** Lines that are none of the trace's events. */
  default long skipped() {
    return 0;
  }
}
