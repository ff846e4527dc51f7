package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.AllocatedBytes;
import org.junit.jupiter.api.Test;

/** A refused DMA through an SMMUv3, its record and its interrupt allocate nothing. */
final class SmmuAllocationTest {
  private static final int ROUNDS = 20_000;
  private static final int WINDOWS = 100;

  @Test
  void refusalsAllocateNothing() {
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
      long[] iovas = {SmmuGuest.IOVA, SmmuGuest.NOWHERE, SmmuGuest.IOVA + 8};
      long[] answers = new long[3];
      long bytes =
          AllocatedBytes.of(
              ROUNDS,
              WINDOWS,
              round -> {
                long answer = port.translate(SmmuGuest.NOWHERE, Access.READ);
                answer += port.translate(iovas, answers, 0, 3, Access.READ);
                port.done();
                unit.mmioWrite(SmmuGuest.EVENTQ_CONS, 4, unit.mmioRead(SmmuGuest.EVENTQ_PROD, 4));
                return answer;
              });
      assertEquals(0, bytes, "bytes for " + ROUNDS + " refusals");
    }
  }
}
