package dev.nestwalk.memory;

/**
 * Guest memory in which one word is missing, for every kind of walk, the fast one included.
 *
 * <p>Threads: belongs to one thread.
 */
public final class GappedMemory extends GuestMemory {
  private final GuestMemory below;
  private long gap = -1;

  /** Nothing is missing yet. */
  public GappedMemory(GuestMemory below) {
    super(below);
    this.below = below;
  }

  /** From now on the word at an address is missing; -1 for none. */
  public void gap(long address) {
    gap = address;
  }

  @Override
  public int find(long address) {
    return address == gap ? -1 : below.find(address);
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
