package dev.nestwalk.bench.cost.model;

import dev.nestwalk.Iommu;
import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.PageMix;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.TableSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A VT-d unit in scalable mode; tenant n is requester n + 1. */
final class VtdUnits implements Units {
  /** Largest address mask of an invalidation here: 2 MiB. */
  private static final int MOST_MASK = 9;

  private final boolean nested;
  private final boolean first;
  private final int pasids;
  private final TableMemory memory;
  private final VtdMachine machine;
  private final List<Host> hosts = new ArrayList<>();

  VtdUnits(Cell cell, TableMemory memory) {
    nested = cell.isNested();
    first = cell.usesFirst();
    pasids = cell.number(Axis.PASIDS);
    this.memory = memory;
    machine = new VtdMachine(memory).scalable();
  }

  /** Guest memory for first-stage tables: at equal guest and machine addresses. */
  private record GuestTables(TableMemory memory, Host host) implements TableSpace {
    @Override
    public long allocate() {
      long page = memory.allocate();
      host.cover(page, 4096);
      return page;
    }

    @Override
    public long get(long address) {
      return memory.get(address);
    }

    @Override
    public void put(long address, long word) {
      memory.put(address, word);
    }
  }

  @Override
  public List<Stage> add(int tenant, Shapes shapes, PageMix mix1, PageMix mix2) {
    List<Stage> stages = new ArrayList<>();
    VtdStage shared = nested ? VtdStage.second(shapes, mix2, memory) : null;
    Host host = shared == null ? null : new Host(tenant, shared, shapes);
    if (host != null) {
      hosts.add(host);
    }
    for (int process = 0; process < Math.max(1, pasids); process++) {
      TableSpace space = host == null ? memory : new GuestTables(memory, host);
      VtdStage stage =
          first ? VtdStage.first(shapes, mix1, space) : VtdStage.second(shapes, mix2, space);
      PasidEntry entry =
          first
              ? PasidEntry.firstStage(shapes.levels1, stage.root())
              : PasidEntry.secondStage(shapes.levels2 - 2, stage.root());
      if (stage.first != null && shared != null && shared.second != null) {
        entry = PasidEntry.nested(stage.first, shared.second);
      }
      entry.noExecute().walkSnoop().domain(domain(tenant, process));
      machine.pasid(tenant + 1, pasid(process), entry);
      stages.add(stage);
    }
    return stages;
  }

  @Override
  public void map(int tenant, Stage outer, long address, long frame, int spanLog2) {
    if (nested) {
      outer.map(address, frame, spanLog2);
      hosts.get(tenant).cover(frame, 1L << spanLog2);
    } else {
      outer.map(address, Frames.machineAddress(tenant, frame), spanLog2);
    }
  }

  private int domain(int tenant, int process) {
    // A domain names a second stage; processes without one of their own share the tenant's.
    return 1 + (first ? tenant : tenant * Math.max(1, pasids) + process);
  }

  private int pasid(int process) {
    return pasids == 0 ? 0 : process + 1;
  }

  @Override
  public void invalidate(Iommu iommu, int tenant, int process, long begin, long last) {
    int domain = domain(tenant, process);
    for (long page = begin >>> 12; page <= last >>> 12; ) {
      // An invalidation names an aligned power of two of pages.
      int mask = Math.min(MOST_MASK, Long.numberOfTrailingZeros(page));
      while (page + (1L << mask) - 1 > last >>> 12) {
        mask--;
      }
      if (first) {
        iommu.vtdInvalidations().pasidIotlbPages(domain, pasid(process), page << 12, mask, true);
      } else {
        iommu.vtdInvalidations().iotlbPages(domain, page << 12, mask, true);
      }
      page += 1L << mask;
    }
  }

  @Override
  public void flush(Iommu iommu, int tenant, int process) {
    if (first) {
      iommu.vtdInvalidations().pasidIotlb(domain(tenant, process), pasid(process));
    } else {
      iommu.vtdInvalidations().iotlbDomain(domain(tenant, process));
    }
  }

  @Override
  public Map<String, Long> registers() {
    return machine.registers();
  }
}
