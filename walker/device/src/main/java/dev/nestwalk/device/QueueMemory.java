package dev.nestwalk.device;

import dev.nestwalk.memory.GuestMemory;
import java.lang.invoke.VarHandle;

/**
 * What a unit writes to memory itself: queue entries, status words, messages; little-endian. Each
 * word is written at once, so no reader sees half of one. Nothing is allocated.
 */
final class QueueMemory {
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
    for (int i = 0; i < words.length; i++) {
      memory.swap(address + 8L * i, Long.BYTES, words[i]);
    }
    // Who sees the index or the interrupt that follows also sees the entry.
    VarHandle.releaseFence();
    return true;
  }

  /**
   * Writes 32 bits, after everything written before.
   *
   * @param address a multiple of 4
   * @return whether memory takes them
   */
  static boolean write32(GuestMemory memory, long address, int value) {
    if (!memory.isWritable(address)) {
      return false;
    }
    VarHandle.releaseFence();
    memory.swap(address, Integer.BYTES, value);
    return true;
  }

  private QueueMemory() {}
}
