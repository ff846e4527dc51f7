package dev.nestwalk.memory;

/**
 * Guest memory in which one read of the fast walk finds nothing, once; the full walkers' reads go
 * through.
 *
 * <p>Threads: belongs to one thread.
 */
public final class FlakyMemory extends LayeredMemory {
  private long reads;
  private long left = Long.MAX_VALUE;

  /** Every read goes through at first. */
  public FlakyMemory(GuestMemory below) {
    super(below);
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
  public long entryOrZero(long table, long index) {
    reads++;
    return --left == 0 ? 0 : super.entryOrZero(table, index);
  }
}
