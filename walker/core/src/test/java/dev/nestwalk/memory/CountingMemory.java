package dev.nestwalk.memory;

/** Guest memory that counts what a walker does with it. */
public final class CountingMemory extends GuestMemory {
  private int loads;
  private int lost;

  /** Memory as {@code builder} describes it. */
  public CountingMemory(Builder builder) {
    super(builder);
  }

  @Override
  public long load(int run, long address) {
    loads++;
    return super.load(run, address);
  }

  @Override
  public long entryOrZero(long table, long index) {
    loads++;
    int run = find(table + index);
    return run < 0 ? 0 : super.load(run, table + index);
  }

  @Override
  public int directRuns() {
    return 0;
  }

  @Override
  public int update(int run, long address, long expected, long replacement) {
    int outcome = super.update(run, address, expected, replacement);
    lost += outcome == LOST ? 1 : 0;
    return outcome;
  }

  /** Starts counting from zero. */
  public void reset() {
    loads = 0;
    lost = 0;
  }

  /** Entries read since the last {@link #reset}. */
  public int loads() {
    return loads;
  }

  /** Updates lost since the last {@link #reset}; each starts a walk again. */
  public int lost() {
    return lost;
  }
}
