package dev.nestwalk.bench.cost.model;

import java.util.HashSet;
import java.util.Set;

/** The second stage of a nested tenant: maps guest memory once, when it is first used. */
final class Host {
  private static final long BUFFERS = 1L << 36;

  private final int tenant;
  private final Stage stage;
  private final int granule;
  private final Set<Long> mapped = new HashSet<>();

  Host(int tenant, Stage stage, Shapes shapes) {
    this.tenant = tenant;
    this.stage = stage;
    granule = shapes.granule;
  }

  Stage stage() {
    return stage;
  }

  /** Maps so many bytes at a guest address, in pages of the mix. */
  void cover(long guest, long bytes) {
    long last = guest + bytes - 1;
    for (long at = guest & -1L << granule; at <= last; ) {
      int span = stage.spanAt(at);
      long page = at & -1L << span;
      if (mapped.add(page)) {
        long machine = page < BUFFERS ? page : Frames.machineAddress(tenant, page);
        stage.map(page, machine, span);
      }
      at = page + (1L << span);
    }
  }
}
