package dev.nestwalk.walk;

import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Two runs of memory that are windows of one segment, so that the place of an entry is found
 * without a branch. A record, because the JIT treats the fields of a constant record as constants.
 *
 * @param whole the segment
 * @param low first address of the run with the lower addresses
 * @param lowLast offset of its last entry
 * @param high first address of the other run
 * @param highLast offset of its last entry
 * @param highStart where in the segment it begins
 * @param toLow added to the place of an address in the higher run, the place in the lower one
 */
record Windows(
    MemorySegment whole,
    long low,
    long lowLast,
    long high,
    long highLast,
    long highStart,
    long toLow) {

  /** Those that two runs are, or null. */
  static @Nullable Windows of(GuestMemory memory, int one, int other) {
    boolean positive = (memory.last(one) | memory.last(other)) >= 0;
    if (!positive || !memory.whole(one).equals(memory.whole(other))) {
      return null;
    }
    int lower = memory.first(one) < memory.first(other) ? one : other;
    int higher = lower == one ? other : one;
    return new Windows(
        memory.whole(one),
        memory.first(lower),
        memory.bytes(lower).byteSize() - Long.BYTES,
        memory.first(higher),
        memory.bytes(higher).byteSize() - Long.BYTES,
        memory.start(higher),
        memory.first(higher) - memory.first(lower) + memory.start(lower) - memory.start(higher));
  }

  /** Whether an entry is in neither run. The sums are made so that few steps wait for the table. */
  boolean isOutside(long table, long index) {
    long inLow = table + (index - low);
    long inHigh = table + (index - high);
    return ((inLow | lowLast - inLow) & (inHigh | highLast - inHigh)) < 0;
  }

  /**
   * Where in the segment an entry of one of the runs is. By a sign mask: the JIT makes a branch of
   * a conditional expression here.
   */
  long place(long table, long index) {
    long inHigh = table + (index - high);
    return inHigh + highStart + (inHigh >> 63 & toLow);
  }
}
