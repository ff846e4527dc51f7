package dev.nestwalk.memory;

/**
 * Guest memory over another, which every walk, the fast one included, reads by these methods alone.
 * Subclasses change what one of them does.
 *
 * <p>Threads: belongs to one thread.
 */
abstract class LayeredMemory extends GuestMemory {
  private final GuestMemory below;

  LayeredMemory(GuestMemory below) {
    super(below);
    this.below = below;
  }

  @Override
  public int find(long address) {
    return below.find(address);
  }

  @Override
  public long load(int run, long address) {
    return below.load(run, address);
  }

  @Override
  public long entryOrZero(long table, long index) {
    int run = find(table + index);
    return run < 0 ? 0 : below.load(run, table + index);
  }

  @Override
  public int directRuns() {
    return 0;
  }

  @Override
  public int update(int run, long address, long expected, long replacement) {
    return below.update(run, address, expected, replacement);
  }
}
