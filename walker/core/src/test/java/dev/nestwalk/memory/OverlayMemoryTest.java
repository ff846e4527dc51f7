package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Changes beside a memory that stays as it is. */
class OverlayMemoryTest {
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment bytes = arena.allocate(4096, 8);
  private final GuestMemory below =
      GuestMemory.builder()
          .ram(0x1000, bytes.asReadOnly())
          .zeros(0x8000, 0x8fff)
          .readOnly()
          .build();
  private final OverlayMemory memory = new OverlayMemory(below);

  @AfterEach
  void close() {
    arena.close();
  }

  private int update(long address, long expected, long value) {
    return memory.update(memory.find(address), address, expected, value);
  }

  private static long load(GuestMemory from, long address) {
    return from.load(from.find(address), address);
  }

  @Test
  void aChangeIsReadHereAndNotBelow() {
    bytes.set(ValueLayout.JAVA_LONG, 8, 7);
    assertEquals(GuestMemory.UPDATED, update(0x1008, 7, 9));
    assertEquals(9, load(memory, 0x1008));
    assertEquals(7, load(below, 0x1008));
    assertEquals(Map.of(0x1008L, 9L), memory.changes());
  }

  /** Views of every kind over memory that could be written refuse it; views of others do not. */
  @Test
  void bytesBelowAreWrittenByNoView() {
    MemorySegment one = arena.allocate(64, 8);
    GuestMemory ram = GuestMemory.builder().ram(0x1000, one).build();
    GuestMemory frozen = GuestMemory.builder().ram(0x1000, one).readOnly().build();
    GuestMemory rom = GuestMemory.builder().rom(0x1000, one).build();
    for (GuestMemory view :
        List.of(
            frozen,
            rom,
            ram.asReadOnly(),
            new OverlayMemory(ram),
            new OverlayMemory(frozen),
            new OverlayMemory(ram).asReadOnly(),
            new FailingMemory(frozen),
            new FailingMemory(ram.asReadOnly()))) {
      assertFalse(view.isWritable(0x1000));
      assertEquals(0, view.write(0x1000, bytes, 0, 8));
      assertThrows(IndexOutOfBoundsException.class, () -> view.fetchAdd(0x1000, 8, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> view.swap(0x1000, 4, 1));
      assertThrows(IndexOutOfBoundsException.class, () -> view.compareAndSwap(0x1000, 8, 0, 1));
      assertEquals(0, one.get(ValueLayout.JAVA_LONG, 0));
    }
    assertTrue(new FailingMemory(ram).isWritable(0x1000));
    assertEquals(0, new FailingMemory(ram).fetchAdd(0x1000, 8, 5));
    assertEquals(5, one.get(ValueLayout.JAVA_LONG, 0));
  }

  @Test
  void memoryWithoutBytesTakesChangesToo() {
    assertEquals(GuestMemory.UPDATED, update(0x8000, 0, 5));
    assertEquals(5, load(memory, 0x8000));
    assertEquals(GuestMemory.UPDATED, update(0x8000, 5, 6));
    assertEquals(6, load(memory, 0x8000));
  }

  @Test
  void anUpdateOfAnotherValueIsLost() {
    assertEquals(GuestMemory.LOST, update(0x1000, 1, 2));
    assertEquals(GuestMemory.UPDATED, update(0x1000, 0, 2));
    assertEquals(GuestMemory.LOST, update(0x1000, 0, 3));
    assertEquals(2, load(memory, 0x1000));
  }

  @Test
  void whatIsChangedBackIsNoChange() {
    update(0x1000, 0, 2);
    update(0x1000, 2, 0);
    assertTrue(memory.changes().isEmpty());
    update(0x1000, 0, 2);
    Map<Long, Long> kept = memory.changes();
    update(0x1010, 0, 3);
    memory.reset(kept);
    assertEquals(Map.of(0x1000L, 2L), memory.changes());
    memory.reset(Map.of());
    assertEquals(0, load(memory, 0x1000));
  }

  @Test
  void readsAreToldInOrder() {
    load(memory, 0x1000);
    List<Long> reads =
        memory.readsOf(
            () -> {
              load(memory, 0x1010);
              load(memory, 0x8000);
              load(memory, 0x1010);
            });
    assertEquals(List.of(0x1010L, 0x8000L, 0x1010L), reads);
    assertEquals(List.of(), memory.readsOf(() -> {}));
  }

  @Test
  void anOverlayOfAnOverlaySeesItsChanges() {
    OverlayMemory above = new OverlayMemory(memory);
    update(0x1000, 0, 2);
    assertEquals(2, load(above, 0x1000));
    assertEquals(GuestMemory.UPDATED, above.update(above.find(0x1000), 0x1000, 2, 4));
    assertEquals(2, load(memory, 0x1000));
  }

  /** What is read through a view has the changes made so far; what it changes is discarded. */
  @Test
  void aViewHasTheChangesAndMakesNone() {
    assertEquals(GuestMemory.UPDATED, update(0x1008, 0, 7));
    GuestMemory view = memory.asReadOnly();
    assertEquals(7, load(view, 0x1008));
    assertEquals(GuestMemory.UPDATED, view.update(view.find(0x1008), 0x1008, 7, 9));
    assertEquals(9, load(view, 0x1008));
    assertEquals(7, load(memory, 0x1008));
  }
}
