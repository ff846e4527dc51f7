package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A unit writes entries wherever memory takes all of one, and nothing of any other. */
final class QueueMemoryTest {
  private static final long FIRST = 0x10_0000;
  private static final long END = FIRST + 4096;

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment ram = arena.allocate(4096, 4096);
  private final GuestMemory memory = GuestMemory.builder().ram(FIRST, ram).build();

  @AfterEach
  void close() {
    arena.close();
  }

  private long at(long address) {
    return ram.get(ValueLayout.JAVA_LONG, address - FIRST);
  }

  @Test
  void theFirstAndTheLastPlaceOfMemoryTakeAnEntry() {
    assertTrue(QueueMemory.write(memory, FIRST, 1, 2, 3, 4));
    assertTrue(QueueMemory.write(memory, END - 32, 5, 6, 7, 8));
    for (int i = 0; i < 4; i++) {
      assertEquals(1 + i, at(FIRST + 8L * i));
      assertEquals(5 + i, at(END - 32 + 8L * i));
    }
    assertTrue(QueueMemory.write32(memory, END - 4, -1));
    assertEquals(0xffff_ffff_0000_0008L, at(END - 8));
  }

  @Test
  void anEntryThatMemoryTakesInPartIsNotWritten() {
    for (long inside = 1; inside < 4; inside++) {
      assertFalse(QueueMemory.write(memory, END - 8 * inside, 1, 2, 3, 4));
      assertFalse(QueueMemory.write(memory, FIRST - 32 + 8 * inside, 1, 2, 3, 4));
      assertEquals(0, at(END - 8 * inside));
      assertEquals(0, at(FIRST + 8 * (inside - 1)));
    }
    assertFalse(QueueMemory.write32(memory, END, 1));
    assertFalse(QueueMemory.write32(memory, FIRST - 4, 1));
  }
}
