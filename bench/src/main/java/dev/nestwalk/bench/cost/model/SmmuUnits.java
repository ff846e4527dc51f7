package dev.nestwalk.bench.cost.model;

import dev.nestwalk.Iommu;
import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.PageMix;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An SMMUv3 with a linear stream table; tenant n is stream n + 1. */
final class SmmuUnits implements Units {
  private static final int STREAM_BITS = 11;
  private static final int OUTPUT_BITS = 48;
  private static final int WIDE_OUTPUT_BITS = 52;

  /** IDR5: DS (LPA2) and VAX, which tables of five levels need, and outputs of 52 bits. */
  private static final long WIDE = 1L << 10 | 1L << 7 | 7L << 4 | 6;

  /** CD.DS, which is wanted where a stage 1 begins at level -1. */
  private static final int CD_DS = 186;

  private final boolean nested;
  private final boolean first;
  private final int pasids;
  private final TableMemory memory;
  private final SmmuMachine machine;
  private final List<Host> hosts = new ArrayList<>();

  SmmuUnits(Cell cell, Shapes shapes, TableMemory memory) {
    nested = cell.isNested();
    first = cell.usesFirst();
    pasids = cell.number(Axis.PASIDS);
    if (pasids > 0 && !first) {
      throw new IllegalArgumentException("pasids: an SMMUv3 has SubstreamIDs with stage 1 only");
    }
    if (pasids > 512) {
      throw new IllegalArgumentException(
          "pasids: %d: expected up to 512 with SMMUv3".formatted(pasids));
    }
    if (!nested && (long) Math.max(1, pasids) * cell.number(Axis.TENANTS) > 0xffff) {
      throw new IllegalArgumentException(
          "pasids: tenants x pasids: expected up to 65535, the ASIDs of an SMMUv3");
    }
    this.memory = memory;
    machine = new SmmuMachine(memory, STREAM_BITS);
    if (shapes.isWide()) {
      machine.register("IDR5", WIDE);
    }
  }

  @Override
  public List<Stage> add(int tenant, Shapes shapes, PageMix mix1, PageMix mix2) {
    List<Stage> stages = new ArrayList<>();
    SmmuStage shared = nested || !first ? SmmuStage.second(shapes, mix2, memory) : null;
    Host host = nested && shared != null ? new Host(tenant, shared, shapes) : null;
    if (host != null) {
      hosts.add(host);
    }
    StreamEntry entry = new StreamEntry(nested ? 7 : first ? 5 : 6);
    if (shared != null) {
      entry.stage2(shared.tables, outputBits(shapes.start2));
      number(entry, vmid(tenant));
    }
    if (first) {
      // SubstreamIDs count from 0; PASID 1 is the first in use.
      int bits = pasids == 0 ? 0 : 32 - Integer.numberOfLeadingZeros(pasids);
      int from = memory.pagesUsed();
      long contexts = memory.allocateAligned(Math.max(4096, 64L << bits));
      for (int process = 0; process < Math.max(1, pasids); process++) {
        SmmuStage stage = SmmuStage.first(shapes, mix1, memory);
        ContextEntry context = new ContextEntry(outputBits(shapes.start1)).lower(stage.tables);
        if (shapes.start1 < 0) {
          context.set(CD_DS);
        }
        int asid = asid(tenant, process);
        for (int bit = 0; bit < 16; bit++) {
          if ((asid >> bit & 1) != 0) {
            context.set(48 + bit);
          }
        }
        machine.context(contexts + 64L * (pasids == 0 ? 0 : process + 1), context);
        stages.add(stage);
      }
      entry.stage1(contexts, bits, 0, 0);
      cover(host, from);
    } else if (shared != null) {
      stages.add(shared);
    }
    machine.stream(tenant + 1, entry);
    return stages;
  }

  private static int outputBits(int start) {
    return start < 0 ? WIDE_OUTPUT_BITS : OUTPUT_BITS;
  }

  private int asid(int tenant, int process) {
    // Without stage 2 all tenants share VMID 0.
    return 1 + process + (nested ? 0 : tenant * Math.max(1, pasids));
  }

  private int vmid(int tenant) {
    return nested || !first ? tenant + 1 : 0;
  }

  @Override
  public void invalidate(Iommu iommu, int tenant, int process, long begin, long last) {
    if (first) {
      iommu
          .smmuInvalidations()
          .stage1Range(vmid(tenant), asid(tenant, process), begin & -4096, last | 4095, true);
    } else {
      iommu.smmuInvalidations().stage2Range(vmid(tenant), begin & -4096, last | 4095, true);
    }
  }

  @Override
  public void flush(Iommu iommu, int tenant, int process) {
    if (first) {
      iommu.smmuInvalidations().stage1Asid(vmid(tenant), asid(tenant, process));
    } else {
      iommu.smmuInvalidations().vmidAll(vmid(tenant));
    }
  }

  /** S2VMID, bits 143:128. */
  private static void number(StreamEntry entry, int vmid) {
    for (int bit = 0; bit < 16; bit++) {
      if ((vmid >> bit & 1) != 0) {
        entry.set(128 + bit);
      }
    }
  }

  /** Maps the pages taken since {@code from} at equal guest addresses. */
  private void cover(@Nullable Host host, int from) {
    if (host != null) {
      // The second stage takes pages of its own meanwhile.
      int to = memory.pagesUsed();
      for (int page = from; page < to; page++) {
        host.cover(memory.page(page), 4096);
      }
    }
  }

  @Override
  public void map(int tenant, Stage outer, long address, long frame, int spanLog2) {
    if (!nested) {
      outer.map(address, Frames.machineAddress(tenant, frame), spanLog2);
      return;
    }
    Host host = hosts.get(tenant);
    int from = memory.pagesUsed();
    outer.map(address, frame, spanLog2);
    cover(host, from);
    host.cover(frame, 1L << spanLog2);
  }

  @Override
  public Map<String, Long> registers() {
    return machine.registers();
  }
}
