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
 * Off-heap memory that the caches of all translators share. It is one constant segment, so that
 * compiled code has its address and bounds as immediates; a probe then takes a fifth less time than
 * one of a segment held in a field. Each cache has a part of its own, which is returned when the
 * cache becomes unreachable. A cache for which there is no room allocates separate memory.
 *
 * <p>Threads: any.
 */
final class CacheArena {
  /** Parts begin at multiples of the size of the largest set, which is several cache lines. */
  private static final int UNIT = 256;

  /** System property: size in bytes. */
  private static final String PROPERTY = "nestwalk.cache.bytes";

  private static final int LEAST = 1 << 16;
  private static final int MOST = 1 << 30;

  /** Size in bytes; by default enough for 40 translators with the default options. */
  static final int BYTES = size(System.getProperty(PROPERTY, Integer.toString(4 << 20)));

  /**
   * Mask for the offset of an entry. The JIT sees that an offset under this mask needs no bounds
   * check.
   */
  static final long WITHIN = BYTES - 16L;

  static final MemorySegment MEMORY = Arena.global().allocate(BYTES, UNIT);

  private static final BitSet TAKEN = new BitSet();
  private static final ReferenceQueue<Object> LEFT = new ReferenceQueue<>();
  private static final Set<Part> PARTS = new HashSet<>();

  /** A part, kept until its owner is unreachable. */
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
   * Parses a size.
   *
   * @throws IllegalArgumentException if the text is not a valid size
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
   * Takes zeroed bytes for as long as {@code owner} is reachable.
   *
   * @param bytes a power of two
   * @return their offset in {@link #MEMORY}, a multiple of {@code bytes} and of {@link #UNIT}, or
   *     -1 if there is no room
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
