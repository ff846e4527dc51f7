package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.AllocatedBytes;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** DMA through a port allocates nothing. */
class PortAllocationTest {
  private static final int ROUNDS = 20_000;
  private static final int WINDOWS = 10;
  private static final int SOURCE = 0x0010;
  private static final long PAGE = 0x4000_0000L;

  @Test
  void dmaAllocatesNothing() {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
      SecondStageTables tables = new SecondStageTables(memory, 4);
      for (int page = 0; page < 4; page++) {
        tables.map(PAGE + page * 4096L, memory.allocate(), 12, 3);
      }
      VtdMachine machine = new VtdMachine(memory).context(SOURCE, 0, 2, 5, tables.root());
      UnitOptions options = UnitOptions.of(PlainUnit.over(memory), (address, data) -> true);
      Unit unit = new PlainUnit(Iommu.vtd(options.memory(), machine.registers(), 46), options);
      Port port = unit.port(SOURCE);
      MemorySegment buffer = arena.allocate(4096);
      DmaRuns runs = new DmaRuns(8);
      long[] iovas = {PAGE, PAGE + 0x1000, PAGE + 0x2000, PAGE + 0x3000};
      long[] answers = new long[4];
      MemorySegment word = arena.allocate(4);
      long bytes =
          AllocatedBytes.of(
              ROUNDS,
              WINDOWS,
              round -> {
                long sum = port.read(PAGE + round % 4096, buffer);
                sum += port.write(PAGE + 0x1000, buffer);
                sum += port.write(0xfee0_0000L, word);
                sum += port.translate(PAGE + round % 4096, Access.READ);
                sum += port.translate(iovas, answers, 0, 4, Access.WRITE);
                sum += port.translateRange(PAGE, 0x4000, Access.READ, runs);
                sum += port.fetchAdd(PAGE + 8, 8, 1) + port.swap(PAGE + 12, 4, 1);
                port.done();
                return sum;
              });
      assertEquals(0, bytes, "bytes for " + ROUNDS + " rounds");
    }
  }
}
