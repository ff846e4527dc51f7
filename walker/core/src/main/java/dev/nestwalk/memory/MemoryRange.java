package dev.nestwalk.memory;

/**
 * Guest-physical addresses {@code first} to {@code last}, both inclusive and unsigned, that cover
 * whole 8-byte words.
 */
public record MemoryRange(long first, long last) {
  /**
   * Checks the range.
   *
   * @throws IllegalArgumentException if it is empty or does not cover whole words
   */
  public MemoryRange {
    if ((first & 7) != 0 || (last & 7) != 7 || Long.compareUnsigned(first, last) > 0) {
      throw new IllegalArgumentException(
          "memory 0x%x..0x%x: expected whole 8-byte words".formatted(first, last));
    }
  }

  /**
   * The range of {@code size} bytes from {@code base} on.
   *
   * @throws IllegalArgumentException if it is empty, wraps, or does not cover whole words
   */
  public static MemoryRange ofSize(long base, long size) {
    long last = base + size - 1;
    if (size == 0 || Long.compareUnsigned(last, base) < 0) {
      throw new IllegalArgumentException(
          "memory at 0x%x, 0x%x bytes: expected at least 8 bytes below 2^64".formatted(base, size));
    }
    return new MemoryRange(base, last);
  }
}
