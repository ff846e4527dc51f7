package dev.nestwalk.bench;

import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An IOMMU over tables that map {@code pages} pages of 4 KiB, each walk four levels deep per stage:
 * page n of the input is page n of the output. Pages are {@code stride} pages apart.
 */
final class Workload {
  /** First input address. */
  static final long INPUT = 0x10_0000_0000L;

  /** First output address. */
  static final long OUTPUT = 0x20_0000_0000L;

  /** Requester id or StreamID. */
  static final int SOURCE = 1;

  /** Where first-stage tables lie in guest-physical memory. */
  private static final long TABLES = 0x100_0000_0000L;

  private static final long GUEST = 0x30_0000_0000L;

  /** What translates. */
  enum Mode {
    VTD_FIRST,
    VTD_SECOND,
    VTD_NESTED,
    SMMUV3_STAGE1,
    SMMUV3_STAGE2,
    SMMUV3_NESTED
  }

  private final TableMemory memory;
  private final int pages;
  private final long stride;
  private final int sources;
  private final int large;
  private long firstRoot;
  private long secondRoot;

  private Workload(Arena arena, int pages, int stride, int sources, int large) {
    this.large = large;
    this.pages = pages;
    this.stride = stride * 4096L;
    this.sources = sources;
    int tables = 64 + 6 * ((int) ((long) pages * stride / 512) + 2) + 4 * sources;
    memory = new TableMemory(arena).run(0x10_0000, tables);
  }

  /** An IOMMU and what it was built from. */
  record Built(Iommu iommu, MemorySegment bytes, long first, long firstRoot, long secondRoot) {}

  /** Builds tables for one requester; they live as long as {@code arena}. */
  static Built build(Mode mode, int pages, int stride, Arena arena) {
    return build(mode, pages, stride, 1, arena);
  }

  /** Builds tables that {@code sources} requesters, each with a domain of its own, share. */
  static Built build(Mode mode, int pages, int stride, int sources, Arena arena) {
    return build(mode, new Workload(arena, pages, stride, sources, 0));
  }

  /** Builds VT-d tables in which 2 MiB pages map {@code large} percent of the pages. */
  static Built mixed(Mode mode, int pages, int large, Arena arena) {
    return build(mode, new Workload(arena, pages, 1, 1, large));
  }

  private static Built build(Mode mode, Workload workload) {
    Iommu iommu =
        switch (mode) {
          case VTD_FIRST, VTD_SECOND, VTD_NESTED -> workload.vtd(mode);
          default -> workload.smmu(mode);
        };
    TableMemory.Run run = workload.memory.runs().get(0);
    return new Built(iommu, run.bytes(), run.first(), workload.firstRoot, workload.secondRoot);
  }

  /** A translator that caches nothing, over adjacent pages. */
  static Translator translator(Mode mode, int pages, Arena arena) {
    return build(mode, pages, 1, arena).iommu().newUncachedTranslator();
  }

  private GuestMemory guestMemory() {
    TableMemory.Run run = memory.runs().get(0);
    return GuestMemory.of(run.bytes(), run.first());
  }

  private Iommu vtd(Mode mode) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    SecondStageTables second = new SecondStageTables(memory, 4);
    GuestSpace guest = new GuestSpace(memory, second, TABLES);
    boolean nested = mode == Mode.VTD_NESTED;
    FirstStageTables first = new FirstStageTables(nested ? guest : memory, 4);
    long flags = FirstStageTables.P | FirstStageTables.RW | FirstStageTables.US;
    long used = flags | FirstStageTables.A | FirstStageTables.D;
    for (int page = 0; page < pages; page++) {
      long offset = page * stride;
      boolean isLarge = (page >>> 9) * 37 % 100 < large;
      if (!isLarge || (page & 511) == 0) {
        int size = isLarge ? 21 : 12;
        first.map(INPUT + offset, (nested ? GUEST : OUTPUT) + offset, size, used);
        second.map((nested ? GUEST : INPUT) + offset, OUTPUT + offset, size, 3);
      }
    }
    PasidEntry entry =
        switch (mode) {
          case VTD_FIRST -> PasidEntry.firstStage(4, first.root());
          case VTD_SECOND -> PasidEntry.secondStage(2, second.root());
          default -> PasidEntry.nested(first, second);
        };
    for (int source = 0; source < sources; source++) {
      machine.pasid(SOURCE + source, 0, entry.noExecute().walkSnoop().domain(1 + source));
    }
    firstRoot = first.root();
    secondRoot = second.root();
    return Iommu.vtd(guestMemory(), machine.registers(), 46);
  }

  private Iommu smmu(Mode mode) {
    SmmuMachine machine = new SmmuMachine(memory);
    VmsaTables second = new VmsaTables(memory, 12, 0, 48);
    VmsaTables first = new VmsaTables(memory, 12, 0, 48);
    boolean nested = mode == Mode.SMMUV3_NESTED;
    long firstPage = 1L << 10 | 1L << 6;
    long secondPage = 1L << 10 | 3L << 6 | 15L << 2;
    for (int page = 0; page < pages; page++) {
      long offset = page * stride;
      first.map(INPUT + offset, (nested ? GUEST : OUTPUT) + offset, 3, firstPage);
      second.map((nested ? GUEST : INPUT) + offset, OUTPUT + offset, 3, secondPage);
    }
    long contexts = memory.allocate();
    for (int page = 0; page < memory.pages(); page++) {
      // Stage 1's own tables sit at equal intermediate and physical addresses.
      second.map(memory.page(page), memory.page(page), 3, secondPage);
    }
    machine.context(contexts, new ContextEntry(48).lower(first));
    StreamEntry entry =
        switch (mode) {
          case SMMUV3_STAGE1 -> new StreamEntry(5).stage1(contexts, 0, 0, 0);
          case SMMUV3_STAGE2 -> new StreamEntry(6).stage2(second, 48);
          default -> new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(second, 48);
        };
    machine.stream(SOURCE, entry);
    firstRoot = first.root();
    secondRoot = second.root();
    return Iommu.smmuv3(guestMemory(), machine.registers());
  }
}
