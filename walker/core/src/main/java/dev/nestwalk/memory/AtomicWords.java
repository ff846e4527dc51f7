package dev.nestwalk.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** The atomic operations of PCIe on little-endian words. */
final class AtomicWords {
  static final int ADD = 0;
  static final int SWAP = 1;
  static final int COMPARE_AND_SWAP = 2;

  private static final VarHandle INTS =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
  private static final VarHandle LONGS =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  /**
   * Carries out an operation on a word of 4 or 8 bytes. Words that the JVM cannot access atomically
   * (of the heap, or of files at odd offsets) are read and then written; one thread at a time may
   * write those, see {@link GuestMemory}.
   *
   * @return the previous value, zero-extended
   */
  static long apply(
      MemorySegment bytes, long offset, int operation, int size, long operand, long expected) {
    if (!bytes.isNative() || (bytes.address() + offset & size - 1) != 0) {
      return plainly(bytes, offset, operation, size, operand, expected);
    }
    if (size == 8) {
      return switch (operation) {
        case ADD -> (long) LONGS.getAndAdd(bytes, offset, operand);
        case SWAP -> (long) LONGS.getAndSet(bytes, offset, operand);
        default -> (long) LONGS.compareAndExchange(bytes, offset, expected, operand);
      };
    }
    int narrow = (int) operand;
    int old =
        switch (operation) {
          case ADD -> (int) INTS.getAndAdd(bytes, offset, narrow);
          case SWAP -> (int) INTS.getAndSet(bytes, offset, narrow);
          default -> (int) INTS.compareAndExchange(bytes, offset, (int) expected, narrow);
        };
    return Integer.toUnsignedLong(old);
  }

  private static long plainly(
      MemorySegment bytes, long offset, int operation, int size, long operand, long expected) {
    long mask = size == 8 ? -1 : 0xffff_ffffL;
    long old = 0;
    for (int i = 0; i < size; i++) {
      old |= (bytes.get(ValueLayout.JAVA_BYTE, offset + i) & 0xffL) << 8 * i;
    }
    boolean differs = operation == COMPARE_AND_SWAP && old != (expected & mask);
    long next = operation == ADD ? old + operand : differs ? old : operand;
    for (int i = 0; i < size; i++) {
      bytes.set(ValueLayout.JAVA_BYTE, offset + i, (byte) (next >>> 8 * i));
    }
    return old;
  }

  private AtomicWords() {}
}
