package dev.nestwalk.memory;

/**
 * Guest memory whose n-th read of a table entry does something else first, whichever walk reads: as
 * if another thread did it at that moment.
 *
 * <p>Threads: belongs to one thread.
 */
public final class PromptingMemory extends LayeredMemory {
  private Runnable action = () -> {};
  private long left = Long.MAX_VALUE;
  private long reads;

  /** Nothing is done yet. */
  public PromptingMemory(GuestMemory below) {
    super(below);
  }

  /**
   * From now on reads are counted anew, and one does something before it reads.
   *
   * @param n the number of that read, from 1 on; {@link Long#MAX_VALUE} for none
   */
  public void before(long n, Runnable what) {
    reads = 0;
    left = n;
    action = what;
  }

  /** Reads since {@link #before}. */
  public long reads() {
    return reads;
  }

  private void next() {
    reads++;
    if (--left == 0) {
      action.run();
    }
  }

  @Override
  public long load(int run, long address) {
    next();
    return super.load(run, address);
  }

  @Override
  public long entryOrZero(long table, long index) {
    next();
    return super.entryOrZero(table, index);
  }
}
