package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class AtomicWordsTest {
  private static final byte[] BEFORE = {
    1, 2, 3, 4, 5, 6, 7, (byte) 0x88, 9, 10, 11, 12, 13, 14, 15, 16
  };

  private static long apply(
      GuestMemory memory, int operation, long address, int size, long expected) {
    return switch (operation) {
      case AtomicWords.ADD -> memory.fetchAdd(address, size, -3);
      case AtomicWords.SWAP -> memory.swap(address, size, -3);
      default -> memory.compareAndSwap(address, size, expected, -3);
    };
  }

  /** Java arithmetic on the value: what memory must hold and what must come back. */
  @Test
  void alignedAndOddMemoryDoWhatPcieSays() {
    try (Arena arena = Arena.ofConfined()) {
      for (int operation = AtomicWords.ADD;
          operation <= AtomicWords.COMPARE_AND_SWAP;
          operation++) {
        for (int size = 4; size <= 8; size += 4) {
          for (long expected : new long[] {0x8807_0605_0403_0201L, 0x04030201L, 1}) {
            MemorySegment aligned = arena.allocate(16, 8);
            MemorySegment odd = MemorySegment.ofArray(new byte[19]).asSlice(3);
            for (MemorySegment bytes : new MemorySegment[] {aligned, odd}) {
              bytes.copyFrom(MemorySegment.ofArray(BEFORE));
              long mask = size == 8 ? -1 : 0xffff_ffffL;
              long old = 0x8807_0605_0403_0201L & mask;
              boolean stays = operation == AtomicWords.COMPARE_AND_SWAP && (expected & mask) != old;
              long next = stays ? old : (operation == AtomicWords.ADD ? old - 3 : -3) & mask;
              assertEquals(
                  old, apply(GuestMemory.of(bytes, 0x1000), operation, 0x1000, size, expected));
              long left = bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
              assertEquals(next | 0x8807_0605_0403_0201L & ~mask, left);
              assertEquals(
                  -1,
                  Arrays.mismatch(
                      Arrays.copyOfRange(BEFORE, 8, 16),
                      bytes.asSlice(8).toArray(ValueLayout.JAVA_BYTE)));
            }
          }
        }
      }
    }
  }

  @Test
  void outsideMemoryIsTheCallersMistake() {
    GuestMemory memory = GuestMemory.of(MemorySegment.ofArray(new byte[16]), 0x1000);
    assertThrows(IndexOutOfBoundsException.class, () -> memory.swap(0x1010, 8, 0));
    assertThrows(IndexOutOfBoundsException.class, () -> memory.fetchAdd(0, 4, 0));
  }
}
