package dev.nestwalk.region;

import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;

/**
 * What hardware does where the tracker leaves it to hardware: one page mapped, one address asked.
 */
final class Translated {
  private static final int PASID = 5;

  static String withPasid(long from, long to, long asked) {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
      VtdMachine machine = new VtdMachine(memory).scalable();
      long flags =
          FirstStageTables.P | FirstStageTables.RW | FirstStageTables.US | FirstStageTables.A;
      FirstStageTables first = new FirstStageTables(memory, 4);
      first.map(from, to, 12, flags | FirstStageTables.D);
      machine.pasid(1, PASID, PasidEntry.firstStage(4, first.root()).walkSnoop());
      return ask(Iommu.vtd(over(memory), machine.registers(), 46), PASID, asked);
    }
  }

  static String legacy(long from, long to, long asked) {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
      VtdMachine machine = new VtdMachine(memory);
      SecondStageTables second = new SecondStageTables(memory, 4).map(from, to, 12, 3);
      machine.context(1, 0, 2, 1, second.root());
      return ask(Iommu.vtd(over(memory), machine.registers(), 46), -1, asked);
    }
  }

  static String abortingStream() {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
      SmmuMachine machine = new SmmuMachine(memory);
      machine.stream(1, new StreamEntry(0));
      return ask(Iommu.smmuv3(over(memory), machine.registers()), -1, 0x1000);
    }
  }

  private static GuestMemory over(TableMemory memory) {
    TableMemory.Run run = memory.runs().get(0);
    return GuestMemory.of(run.bytes(), run.first());
  }

  private static String ask(Iommu iommu, int pasid, long address) {
    long answer = iommu.newUncachedTranslator().translate(1, pasid, address, Access.READ);
    return Translation.describe(answer);
  }

  private Translated() {}
}
