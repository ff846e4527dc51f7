package dev.nestwalk;

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
import java.util.function.Consumer;

/**
 * What tests of sync translate: requester 1, pages from {@link #PAGE} on that lead to {@link #OUT}.
 *
 * @param leaf address of the first page's leaf
 * @param flags what the leaf has besides its output address
 */
record SyncSubject(Iommu iommu, long leaf, long flags) {
  static final long PAGE = 0x4040_0000L;
  static final long OUT = 0x8000_0000L;
  private static final long FIRST_FLAGS =
      FirstStageTables.P
          | FirstStageTables.RW
          | FirstStageTables.US
          | FirstStageTables.A
          | FirstStageTables.D;
  private static final long SECOND_FLAGS = 1L << 10 | 3L << 6 | 15L << 2;

  /** What the requester's leaf is in, and how its change is made known. */
  enum Granularity {
    VTD_GLOBAL(Table.VTD_SECOND, iommu -> iommu.vtdInvalidations().iotlbGlobal()),
    VTD_DOMAIN(Table.VTD_SECOND, iommu -> iommu.vtdInvalidations().iotlbDomain(10)),
    VTD_PAGES(Table.VTD_SECOND, iommu -> iommu.vtdInvalidations().iotlbPages(10, PAGE, 0, true)),
    VTD_PASID(Table.VTD_FIRST, iommu -> iommu.vtdInvalidations().pasidIotlb(10, 0)),
    VTD_PASID_PAGES(
        Table.VTD_FIRST, iommu -> iommu.vtdInvalidations().pasidIotlbPages(10, 0, PAGE, 3, true)),
    SMMUV3_ALL(Table.SMMUV3_STAGE1, iommu -> iommu.smmuInvalidations().all()),
    SMMUV3_VMID(Table.SMMUV3_STAGE2, iommu -> iommu.smmuInvalidations().vmidAll(0)),
    SMMUV3_IPA(
        Table.SMMUV3_STAGE2,
        iommu -> iommu.smmuInvalidations().stage2Range(0, PAGE, PAGE + 4095, true)),
    SMMUV3_STAGE1(Table.SMMUV3_STAGE1, iommu -> iommu.smmuInvalidations().stage1All(0)),
    SMMUV3_ASID(Table.SMMUV3_STAGE1, iommu -> iommu.smmuInvalidations().stage1Asid(0, 0)),
    SMMUV3_VA(
        Table.SMMUV3_STAGE1,
        iommu -> iommu.smmuInvalidations().stage1Range(0, 0, PAGE, PAGE + 4095, true)),
    SMMUV3_VAA(
        Table.SMMUV3_STAGE1,
        iommu -> iommu.smmuInvalidations().stage1RangeOfAll(0, PAGE, PAGE + 4095, false)),
    EVERYTHING(Table.VTD_FIRST, Iommu::invalidateAll);

    final Table table;

    @SuppressWarnings("ImmutableEnumChecker") // every one is a lambda without state
    final Consumer<Iommu> invalidate;

    Granularity(Table table, Consumer<Iommu> invalidate) {
      this.table = table;
      this.invalidate = invalidate;
    }
  }

  enum Table {
    VTD_FIRST,
    VTD_SECOND,
    SMMUV3_STAGE1,
    SMMUV3_STAGE2
  }

  static SyncSubject build(Table table, TableMemory memory, int pages) {
    return build(table, memory, pages, Comparison.over(memory));
  }

  /** A subject whose unit reads the tables in {@code memory} through {@code seen}. */
  static SyncSubject build(Table table, TableMemory memory, int pages, GuestMemory seen) {
    return switch (table) {
      case VTD_FIRST -> {
        FirstStageTables first = new FirstStageTables(memory, 4);
        for (long i = 0; i < pages; i++) {
          first.map(PAGE + i * 4096, OUT + i * 4096, 12, FIRST_FLAGS);
        }
        PasidEntry pasid = PasidEntry.firstStage(4, first.root());
        yield vtd(memory, seen, pasid, first.entryAddress(PAGE, 1), FIRST_FLAGS);
      }
      case VTD_SECOND -> {
        SecondStageTables second = new SecondStageTables(memory, 4);
        for (long i = 0; i < pages; i++) {
          second.map(PAGE + i * 4096, OUT + i * 4096, 12, 3);
        }
        PasidEntry pasid = PasidEntry.secondStage(2, second.root());
        yield vtd(memory, seen, pasid, second.entryAddress(PAGE, 1), 3);
      }
      case SMMUV3_STAGE1 -> {
        VmsaTables first = new VmsaTables(memory, 12, 0, 48);
        long flags = 3 | 1L << 10 | 1L << 6 | 1L << 11;
        for (long i = 0; i < pages; i++) {
          first.map(PAGE + i * 4096, OUT + i * 4096, 3, flags);
        }
        SmmuMachine machine = new SmmuMachine(memory);
        long contexts = memory.allocate();
        machine.context(contexts, new ContextEntry(48).lower(first));
        machine.stream(1, new StreamEntry(5).stage1(contexts, 0, 0, 0));
        yield smmu(seen, machine, first, flags);
      }
      case SMMUV3_STAGE2 -> {
        VmsaTables second = new VmsaTables(memory, 12, 0, 48);
        for (long i = 0; i < pages; i++) {
          second.map(PAGE + i * 4096, OUT + i * 4096, 3, SECOND_FLAGS);
        }
        SmmuMachine machine = new SmmuMachine(memory);
        machine.stream(1, new StreamEntry(6).stage2(second, 48));
        yield smmu(seen, machine, second, 3 | SECOND_FLAGS);
      }
    };
  }

  private static SyncSubject vtd(
      TableMemory memory, GuestMemory seen, PasidEntry pasid, long leaf, long flags) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.pasid(1, 0, pasid.walkSnoop().domain(10));
    Iommu iommu = Iommu.vtd(seen, machine.registers(), 46);
    return new SyncSubject(iommu, leaf, flags);
  }

  private static SyncSubject smmu(
      GuestMemory seen, SmmuMachine machine, VmsaTables tables, long flags) {
    Iommu iommu = Iommu.smmuv3(seen, machine.registers());
    return new SyncSubject(iommu, tables.descriptorAddress(PAGE, 3), flags);
  }
}
