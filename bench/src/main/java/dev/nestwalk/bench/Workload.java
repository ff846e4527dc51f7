package dev.nestwalk.bench;

import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;

/** An IOMMU over a {@link MappedMachine}: page n of the input is page n of the output. */
final class Workload {
  /** First input address of tables of usual depth. */
  static final long INPUT = 0x10_0000_0000L;

  /** First output address. */
  static final long OUTPUT = 0x20_0000_0000L;

  /** Requester id or StreamID. */
  static final int SOURCE = MappedMachine.SOURCE;

  private static final int HOST_ADDRESS_WIDTH = 46;

  /** What translates. */
  enum Mode {
    VTD_FIRST,
    VTD_SECOND,
    VTD_NESTED,
    SMMUV3_STAGE1,
    SMMUV3_STAGE2,
    SMMUV3_NESTED;

    /** Four levels a stage, small pages side by side, one run of memory. */
    MappedPlan plan() {
      boolean nested = this == VTD_NESTED || this == SMMUV3_NESTED;
      boolean first = nested || this == VTD_FIRST || this == SMMUV3_STAGE1;
      boolean second = nested || this == VTD_SECOND || this == SMMUV3_STAGE2;
      return MappedPlan.of(isVtd(), first, second);
    }

    boolean isVtd() {
      return this == VTD_FIRST || this == VTD_SECOND || this == VTD_NESTED;
    }

    boolean isNested() {
      return this == VTD_NESTED || this == SMMUV3_NESTED;
    }
  }

  /** An IOMMU and what it was built from. */
  record Built(Iommu iommu, MappedMachine machine) {}

  /** Builds tables for one requester; they live as long as {@code arena}. */
  static Built build(Mode mode, int pages, int stride, Arena arena) {
    return build(mode.plan().pages(pages, 0, stride), arena);
  }

  /** Builds tables that {@code sources} requesters, each with a domain of its own, share. */
  static Built build(Mode mode, int pages, int stride, int sources, Arena arena) {
    return build(mode.plan().pages(pages, 0, stride).sources(sources), arena);
  }

  /** Builds tables in which 2 MiB pages map {@code large} percent of the pages. */
  static Built mixed(Mode mode, int pages, int large, Arena arena) {
    return build(mode.plan().pages(pages, large, 1), arena);
  }

  /** Builds what a plan says. */
  static Built build(MappedPlan plan, Arena arena) {
    MappedMachine machine = new MappedMachine(plan, arena);
    GuestMemory.Builder builder = GuestMemory.builder();
    for (TableMemory.Run run : machine.memory().runs()) {
      builder.window(run.first(), run.whole(), run.start(), run.bytes().byteSize());
    }
    GuestMemory memory = builder.build();
    Iommu iommu =
        plan.vtd()
            ? Iommu.vtd(memory, machine.registers(), HOST_ADDRESS_WIDTH)
            : Iommu.smmuv3(memory, machine.registers());
    return new Built(iommu, machine);
  }

  /** A translator that caches nothing, over adjacent pages. */
  static Translator translator(Mode mode, int pages, Arena arena) {
    return build(mode, pages, 1, arena).iommu().newUncachedTranslator();
  }

  private Workload() {}
}
