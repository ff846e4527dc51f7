package dev.nestwalk.bench.cost.model;

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

  /** Maps a page of the outer stage, and what lies behind it. */
  void map(int tenant, Stage outer, long address, long frame, int sizeLog2);

  /** Registers by architectural name. */
  Map<String, Long> registers();
}
