package dev.nestwalk.memory;

/**
 * Guest memory in which one read of the fast walk finds nothing, once; the full walkers' reads go
 * through.
 *
 * <p>Threads: belongs to one thread.
 */
public final class FlakyMemory extends GuestMemory {
  private final GuestMemory below;
  private long reads;
  private long left = Long.MAX_VALUE;

  /** Every read goes through at first. */
  public FlakyMemory(GuestMemory below) {
    super(below);
    this.below = below;
  }

  /**
   * From now on the fast walk's reads are counted anew, and one fails.
   *
   * @param n the number of that read; {@link Long#MAX_VALUE} for none
   */
  public void failFastRead(long n) {
    reads = 0;
    left = n;
  }

  /** Reads of the fast walk since {@link #failFastRead}. */
  public long fastReads() {
    return reads;
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
    reads++;
    int run = --left == 0 ? -1 : below.find(table + index);
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
