package dev.nestwalk;

import dev.nestwalk.cache.CachedPlan;

/**
 * Addresses of a batch that have to be walked, side by side.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
final class Lanes {
  final long[] iovas = new long[CachedPlan.LANES];
  final long[] answers = new long[CachedPlan.LANES];
  final int[] spans = new int[CachedPlan.LANES];

  /** Where in the batch each came from. */
  final int[] places = new int[CachedPlan.LANES];

  int count;

  void clear() {
    count = 0;
  }

  boolean isFull() {
    return count == CachedPlan.LANES;
  }

  void add(long iova, int place) {
    iovas[count] = iova;
    places[count++] = place;
  }
}
