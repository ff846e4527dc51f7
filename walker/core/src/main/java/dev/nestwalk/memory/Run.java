package dev.nestwalk.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * One run of guest memory.
 *
 * @param first its first address, a multiple of 8
 * @param last its last address, inclusive
 * @param whole the segment that it is a window of
 * @param start where in {@code whole} it begins, in bytes
 * @param bytes its bytes, none (size 0) for memory that reads as zero
 * @param rom it refuses writes
 */
record Run(
    long first, long last, MemorySegment whole, long start, MemorySegment bytes, boolean rom) {
  static final ValueLayout.OfLong UNALIGNED_ENTRY =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Opaque and atomic access to aligned entries. */
  static final VarHandle ENTRY =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  /** Memory that reads as zero. */
  static Run zeros(long first, long last) {
    return new Run(first, last, MemorySegment.NULL, 0, MemorySegment.NULL, true);
  }

  boolean isZero() {
    return bytes.byteSize() == 0;
  }

  /** Whether entries can be read opaquely: the run lies off the heap, at a multiple of 8. */
  boolean isAligned() {
    return !isZero() && bytes.isNative() && (bytes.address() & 7) == 0;
  }

  /** One read of a 64-bit little-endian entry at an address of the run. */
  long load(long address) {
    if (isZero()) {
      return 0;
    }
    long offset = address - first;
    // Files may place memory at odd offsets. No other thread writes such memory, so a plain read is
    // enough.
    return isAligned() ? (long) ENTRY.getOpaque(bytes, offset) : bytes.get(UNALIGNED_ENTRY, offset);
  }

  /** How many of {@code length} bytes from an address on the run has. */
  long within(long address, long length) {
    long rest = last - address;
    return Long.compareUnsigned(length - 1, rest) <= 0 ? length : rest + 1;
  }
}
