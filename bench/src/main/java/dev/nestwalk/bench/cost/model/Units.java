package dev.nestwalk.bench.cost.model;

import dev.nestwalk.Iommu;
import dev.nestwalk.bench.cost.PageMix;
import java.util.List;
import java.util.Map;

/** The unit of a format: configuration of tenants, and what maps buffers of theirs. */
interface Units {
  /**
   * Configures a tenant.
   *
   * @return the outer stage of each of its processes
   */
  List<Stage> add(int tenant, Shapes shapes, PageMix first, PageMix second);

  /** Maps a page or group of pages of the outer stage, and what lies behind it. */
  void map(int tenant, Stage outer, long address, long frame, int spanLog2);

  /**
   * Invalidates pages of the outer stage as this unit's software does, tables above them excepted.
   *
   * @param process of the tenant, from 0
   */
  void invalidate(Iommu iommu, int tenant, int process, long first, long last);

  /** Invalidates all translations of a process, or of a tenant where they have no name. */
  void flush(Iommu iommu, int tenant, int process);

  /** Registers by architectural name. */
  Map<String, Long> registers();
}
