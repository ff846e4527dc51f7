package dev.nestwalk.bench.cost.workload;

import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Buffers in flight of one user, the oldest first: a ring that is always full. */
final class Ring {
  private final long[] buffers;
  private int at;

  Ring(int size) {
    buffers = new long[size];
  }

  /** Slots. */
  int size() {
    return buffers.length;
  }

  /** Slot of the oldest. */
  int slot() {
    return at;
  }

  /** Fills every slot. */
  void fill(LongSupplier mapper) {
    for (int i = 0; i < buffers.length; i++) {
      buffers[i] = mapper.getAsLong();
    }
  }

  /** The buffer so many slots after the oldest. */
  long buffer(int after) {
    return buffers[(at + after) % buffers.length];
  }

  /** Puts another in the place of the oldest and goes on. */
  void replace(LongConsumer oldest, LongSupplier mapper) {
    oldest.accept(buffers[at]);
    buffers[at] = mapper.getAsLong();
    at = (at + 1) % buffers.length;
  }
}
