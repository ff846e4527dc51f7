package dev.nestwalk.device;

import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** What a unit writes to memory itself: queue entries, status words, messages; little-endian. */
final class QueueMemory {
  private static final VarHandle ALIGNED32 =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
  private static final ValueLayout.OfInt WORD32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong WORD64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Writes whole 64-bit words, all of them or none.
   *
   * @param address a multiple of 8
   * @return whether memory takes them
   */
  static boolean write(GuestMemory memory, long address, long... words) {
    for (int i = 0; i < words.length; i++) {
      if (!memory.isWritable(address + 8L * i)) {
        return false;
      }
    }
    MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
    for (int i = 0; i < words.length; i++) {
      bytes.set(WORD64, 0, words[i]);
      memory.write(address + 8L * i, bytes, 0, 8);
    }
    // Who sees the index or the interrupt that follows also sees the entry.
    VarHandle.releaseFence();
    return true;
  }

  /**
   * Writes 32 bits at once, after everything written before.
   *
   * @param address a multiple of 4
   * @return whether memory takes them
   */
  static boolean write32(GuestMemory memory, long address, int value) {
    MemorySegment at = memory.isWritable(address) ? memory.sliceOrNull(address, 4) : null;
    if (at == null) {
      return false;
    }
    if (at.maxByteAlignment() >= 4) {
      // Who polls the word sees it whole.
      ALIGNED32.setRelease(at, 0L, value);
    } else {
      at.set(WORD32, 0, value);
    }
    return true;
  }

  private QueueMemory() {}
}
