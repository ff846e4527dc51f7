package dev.nestwalk.memory;

/**
 * Guest memory in which one read fails, as if there were nothing at that address: for tests of what
 * an IOMMU does when memory aborts an access to a table or a queue.
 *
 * <p>What counts as a read is each entry that a walk reads and each piece that is copied in or out.
 * The fast walk gets no memory here: it may read an entry and leave the address to the full walk,
 * which reads it again, so no count would name one read. What it does where memory ends is tested
 * with memory that has gaps.
 *
 * <p>Threads: belongs to one thread.
 */
public final class FailingMemory extends GuestMemory {
  private final GuestMemory below;
  private long left = Long.MAX_VALUE;
  private long reads;

  /** No read fails yet. */
  public FailingMemory(GuestMemory below) {
    super(below);
    this.below = below;
  }

  /**
   * Lets one read fail.
   *
   * @param n which one from now on: 1 is the next
   */
  public void failRead(long n) {
    left = n;
  }

  /** How many reads there were since the last call of this method. */
  public long takeReads() {
    long all = reads;
    reads = 0;
    return all;
  }

  @Override
  public int find(long address) {
    reads++;
    return --left == 0 ? -1 : below.find(address);
  }

  @Override
  public long load(int run, long address) {
    return below.load(run, address);
  }

  @Override
  public long entryOrZero(long table, long index) {
    return 0; // sends the reader the longer way, by find() and load()
  }

  @Override
  public int directRuns() {
    return 0;
  }

  /** Updates are kept apart and forgotten. */
  @Override
  public GuestMemory asReadOnly() {
    return new OverlayMemory(this);
  }

  @Override
  public int update(int run, long address, long expected, long replacement) {
    return below.update(run, address, expected, replacement);
  }
}
