package dev.nestwalk.live;

import dev.nestwalk.device.Unit;

/** A unit's registers with a count of the accesses. Threads: any. */
final class CountedPage implements RegisterPage {
  private static final long VTD_TAIL = 0x88;
  private static final long SMMU_TAIL = 0x98;

  private final Unit unit;
  private final LiveCounters counters;
  private final boolean vtd;

  CountedPage(Unit unit, LiveCounters counters, boolean vtd) {
    this.unit = unit;
    this.counters = counters;
    this.vtd = vtd;
  }

  @Override
  public long size() {
    return vtd ? 0x1000 : 0x2_0000;
  }

  @Override
  public long read(long offset, int size) {
    counters.registerReads.increment();
    return unit.mmioRead(offset, size);
  }

  @Override
  public void write(long offset, int size, long value) {
    counters.registerWrites.increment();
    if (offset == (vtd ? VTD_TAIL : SMMU_TAIL)) {
      counters.doorbells.increment();
    }
    unit.mmioWrite(offset, size, value);
  }

  @Override
  public void reset() {
    unit.reset();
  }
}
