package dev.nestwalk.device;

import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Whole words that a unit writes to memory by itself: nobody sees a part of one. */
final class PhysicalMemory {
  private static final VarHandle INT =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
  private static final VarHandle LONG =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
  private static final ValueLayout.OfInt UNALIGNED_INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong UNALIGNED_LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Writes 32 bits after all that was written before.
   *
   * @param address a multiple of 4
   * @return false if no memory there takes writes
   */
  static boolean write32(GuestMemory memory, long address, int value) {
    MemorySegment at = writable(memory, address, 4);
    if (at == null) {
      return false;
    }
    if (at.maxByteAlignment() >= 4) {
      INT.setRelease(at, 0L, value);
    } else {
      at.set(UNALIGNED_INT, 0, value);
    }
    return true;
  }

  /**
   * Writes 64 bits after all that was written before.
   *
   * @param address a multiple of 8
   * @return false if no memory there takes writes
   */
  static boolean write64(GuestMemory memory, long address, long value) {
    MemorySegment at = writable(memory, address, 8);
    if (at == null) {
      return false;
    }
    if (at.maxByteAlignment() >= 8) {
      LONG.setRelease(at, 0L, value);
    } else {
      at.set(UNALIGNED_LONG, 0, value);
    }
    return true;
  }

  private static @Nullable MemorySegment writable(GuestMemory memory, long address, int bytes) {
    return memory.isWritable(address) ? memory.sliceOrNull(address, bytes) : null;
  }

  private PhysicalMemory() {}
}
