package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.sun.management.ThreadMXBean;
import dev.nestwalk.dma.Access;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** A refused DMA through an SMMUv3, its record and its interrupt allocate nothing. */
final class SmmuAllocationTest {
  private static final int ROUNDS = 20_000;
  private static final int WINDOWS = 100;

  @Test
  void refusalsAllocateNothing() {
    ThreadMXBean threads =
        assertInstanceOf(ThreadMXBean.class, ManagementFactory.getThreadMXBean());
    try (SmmuGuest guest = new SmmuGuest()) {
      SmmuUnit unit =
          SmmuUnit.of(UnitOptions.of(guest.memory, (address, data) -> true), SmmuGuest.registers());
      unit.mmioWrite(0x80, 8, guest.register("STRTAB_BASE"));
      unit.mmioWrite(0x88, 4, guest.register("STRTAB_BASE_CFG"));
      unit.mmioWrite(0xa0, 8, guest.events | 4);
      unit.mmioWrite(0xb0, 8, SmmuGuest.DOORBELL);
      unit.mmioWrite(0x50, 4, 4);
      unit.mmioWrite(0x20, 4, 5);
      Port port = unit.port(SmmuGuest.STREAM);
      long before = 0;
      long bytes = -1;
      // What is not yet compiled may allocate, so the first windows need not count.
      for (int i = 0; i < WINDOWS * ROUNDS && bytes != 0; i++) {
        if (i % ROUNDS == 0) {
          before = threads.getCurrentThreadAllocatedBytes();
        }
        port.translate(SmmuGuest.NOWHERE, Access.READ);
        port.done();
        unit.mmioWrite(SmmuGuest.EVENTQ_CONS, 4, unit.mmioRead(SmmuGuest.EVENTQ_PROD, 4));
        if (i % ROUNDS == ROUNDS - 1) {
          bytes = threads.getCurrentThreadAllocatedBytes() - before;
        }
      }
      assertEquals(0, bytes, "bytes for " + ROUNDS + " refusals");
    }
  }
}
