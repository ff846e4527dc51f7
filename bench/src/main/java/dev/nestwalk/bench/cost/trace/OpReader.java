package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.DmaOp;

/**
 * Reads a trace that holds addresses. Requesters are source ids; an invalidation may name {@link
 * #EVERYONE}, and with PASID -1 every PASID, and {@link #EVERYTHING} from address 0.
 */
interface OpReader extends EventReader<DmaOp> {
  /** Requester of an event that concerns every one. */
  int EVERYONE = -1;

  /** Length of an event that concerns every address. */
  long EVERYTHING = Long.MAX_VALUE;
}
