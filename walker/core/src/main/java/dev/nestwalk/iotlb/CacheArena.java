package dev.nestwalk.iotlb;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/**
 * Off-heap memory that the caches of all translators share. It is one constant segment, so compiled
 * code has its address and its bounds in the instructions: a probe takes a fifth less time than one
 * of a segment that has to be asked for them. Each cache has a part for itself, which comes back
 * when the cache can no longer be reached; one for which there is no room has memory of its own.
 *
 * <p>Threads: any.
 */
final class CacheArena {
  /** Parts begin at multiples of the largest set, which is several cache lines. */
  private static final int UNIT = 256;

  /** System property: bytes in all. */
  private static final String PROPERTY = "nestwalk.cache.bytes";

  private static final int LEAST = 1 << 16;
  private static final int MOST = 1 << 30;

  /** Bytes in all; by default what 40 translators with the default options take. */
  static final int BYTES = size(System.getProperty(PROPERTY, Integer.toString(4 << 20)));

  /**
   * Bits of the offset of an entry. An offset that was masked with it needs no check of bounds, as
   * the JIT sees.
   */
  static final long WITHIN = BYTES - 16L;

  static final MemorySegment MEMORY = Arena.global().allocate(BYTES, UNIT);

  private static final BitSet TAKEN = new BitSet();
  private static final ReferenceQueue<Object> LEFT = new ReferenceQueue<>();
  private static final Set<Part> PARTS = new HashSet<>();

  /** A part with its owner, kept until the owner is gone. */
  private static final class Part extends PhantomReference<Object> {
    private final int first;
    private final int count;

    Part(Object owner, int first, int count) {
      super(owner, LEFT);
      this.first = first;
      this.count = count;
    }
  }

  /**
   * Reads a size.
   *
   * @throws IllegalArgumentException if it is none
   */
  static int size(String text) {
    int bytes;
    try {
      bytes = Integer.parseInt(text);
    } catch (NumberFormatException e) {
      bytes = -1;
    }
    if (bytes < LEAST || bytes > MOST || Integer.bitCount(bytes) != 1) {
      throw new IllegalArgumentException(
          "%s=%s: expected a power of two, %d to %d".formatted(PROPERTY, text, LEAST, MOST));
    }
    return bytes;
  }

  /**
   * Takes zeroed bytes for as long as {@code owner} can be reached.
   *
   * @param bytes a power of two
   * @return their offset in {@link #MEMORY}, a multiple of their number and of {@link #UNIT}, or -1
   *     if there is no room
   */
  static synchronized long take(Object owner, long bytes) {
    for (Reference<?> gone = LEFT.poll(); gone != null; gone = LEFT.poll()) {
      if (gone instanceof Part part && PARTS.remove(part)) {
        TAKEN.clear(part.first, part.first + part.count);
      }
    }
    if (bytes > BYTES) {
      return -1;
    }
    int count = (int) ((bytes + UNIT - 1) / UNIT);
    for (int first = 0; first + count <= BYTES / UNIT; first += count) {
      int taken = TAKEN.nextSetBit(first);
      if (taken < 0 || taken >= first + count) {
        TAKEN.set(first, first + count);
        PARTS.add(new Part(owner, first, count));
        MEMORY.asSlice((long) first * UNIT, (long) count * UNIT).fill((byte) 0);
        return (long) first * UNIT;
      }
    }
    return -1;
  }

  private CacheArena() {}
}
