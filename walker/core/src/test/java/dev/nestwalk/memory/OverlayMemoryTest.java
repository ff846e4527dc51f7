package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
