package dev.nestwalk.bench;

import dev.nestwalk.Iommu;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;

/** Machines whose tables have any number of levels, or none: {@code PAGES} small pages. */
enum DepthTables {
  VTD_PASS_THROUGH(0, 0),
  VTD_SECOND_3(0, 3),
  VTD_SECOND_4(0, 4),
  VTD_SECOND_5(0, 5),
  VTD_FIRST_4(4, 0),
  VTD_FIRST_5(5, 0),
  VTD_NESTED_4_OVER_3(4, 3),
  VTD_NESTED_4_OVER_4(4, 4),
  VTD_NESTED_5_OVER_5(5, 5),
  SMMUV3_BYPASS(0, 0),
  SMMUV3_STAGE2_3(0, 3),
  SMMUV3_STAGE2_4(0, 4),
  SMMUV3_STAGE1_4(4, 0),
  SMMUV3_NESTED_4_OVER_3(4, 3),
  SMMUV3_NESTED_4_OVER_4(4, 4);

  static final int PAGES = 256;
  static final int SOURCE = 1;
  static final long INPUT = 0x10_0000_0000L;
  private static final long GUEST = 0x18_0000_0000L;
  private static final long OUTPUT = 0x20_0000_0000L;
  private static final long MEMORY = 0x10_0000;
  private static final int TABLES = 128;

  private final int first;
  private final int second;

  DepthTables(int first, int second) {
    this.first = first;
    this.second = second;
  }

  /** Where an input address comes out. */
  long output(long input) {
    return first == 0 && second == 0 ? input : input - INPUT + OUTPUT;
  }

  Iommu build(Arena arena) {
    TableMemory memory = new TableMemory(arena).run(MEMORY, TABLES);
    return name().startsWith("VTD") ? vtd(memory) : smmu(memory);
  }

  private static GuestMemory guestMemory(TableMemory memory) {
    TableMemory.Run run = memory.runs().get(0);
    return GuestMemory.of(run.bytes(), run.first());
  }

  private Iommu vtd(TableMemory memory) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    // Pass-through names the widest address width of the unit.
    PasidEntry entry = PasidEntry.passThrough(3);
    FirstStageTables guest = new FirstStageTables(memory, Math.max(4, first));
    SecondStageTables host = new SecondStageTables(memory, Math.max(3, second));
    long used = FirstStageTables.P | FirstStageTables.US | FirstStageTables.RW;
    for (int page = 0; page < PAGES; page++) {
      long offset = page * 4096L;
      long flags = used | FirstStageTables.A | FirstStageTables.D;
      guest.map(INPUT + offset, (second == 0 ? OUTPUT : GUEST) + offset, 12, flags);
      host.map((first == 0 ? INPUT : GUEST) + offset, OUTPUT + offset, 12, 3);
    }
    if (first != 0 && second != 0) {
      // The guest's tables lie at equal guest and host addresses.
      for (int page = 0; page < TABLES; page++) {
        host.map(memory.page(page), memory.page(page), 12, 3);
      }
      entry = PasidEntry.nested(guest, host);
    } else if (first != 0) {
      entry = PasidEntry.firstStage(first, guest.root());
    } else if (second != 0) {
      entry = PasidEntry.secondStage(second - 2, host.root());
    }
    boolean walks = first != 0 || second != 0;
    machine.pasid(SOURCE, 0, (walks ? entry.walkSnoop() : entry).domain(1));
    return Iommu.vtd(guestMemory(memory), machine.registers(), 46);
  }

  private Iommu smmu(TableMemory memory) {
    SmmuMachine machine = new SmmuMachine(memory);
    VmsaTables guest = new VmsaTables(memory, 12, 0, 48);
    // 39 bits leave out the uppermost of four levels.
    int bits = second == 3 ? 39 : 48;
    VmsaTables host = new VmsaTables(memory, 12, second == 3 ? 1 : 0, bits);
    for (int page = 0; page < PAGES; page++) {
      long offset = page * 4096L;
      long to = (second == 0 ? OUTPUT : GUEST) + offset;
      guest.map(INPUT + offset, to, 3, 1L << 10 | 1L << 6);
      host.map((first == 0 ? INPUT : GUEST) + offset, OUTPUT + offset, 3, hostFlags());
    }
    long contexts = memory.allocate();
    machine.context(contexts, new ContextEntry(48).lower(guest));
    StreamEntry entry = new StreamEntry(4 | (first != 0 ? 1 : 0) | (second != 0 ? 2 : 0));
    if (first != 0) {
      entry.stage1(contexts, 0, 0, 0);
    }
    if (second != 0) {
      for (int page = 0; page < TABLES; page++) {
        host.map(memory.page(page), memory.page(page), 3, hostFlags());
      }
      entry.stage2(host, 48);
    }
    machine.stream(SOURCE, entry);
    return Iommu.smmuv3(guestMemory(memory), machine.registers());
  }

  private static long hostFlags() {
    return 1L << 10 | 3L << 6 | 15L << 2;
  }
}
