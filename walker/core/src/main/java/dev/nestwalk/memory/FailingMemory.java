package dev.nestwalk.memory;

/**
 * Guest memory in which one chosen read fails, as if nothing were at its address. For tests of what
 * an IOMMU does when memory aborts an access to a table or a queue.
 *
 * <p>Each entry that a walk reads counts as one read, and so does each piece that is copied in or
 * out. The fast walk does not read this memory: it may read an entry and then leave the address to
 * the full walk, which reads the entry again, so that a count would not identify one read. Tests of
 * the fast walk use memory with gaps instead.
 *
 * <p>Threads: belongs to one thread.
 */
public final class FailingMemory extends GuestMemory {
  private final GuestMemory below;
  private long left = Long.MAX_VALUE;
  private long reads;

  /** Makes a memory in which no read fails yet. */
  public FailingMemory(GuestMemory below) {
    super(below);
    this.below = below;
  }

  /**
   * Makes one read fail.
   *
   * @param n the number of that read from now on; 1 is the next
   */
  public void failRead(long n) {
    left = n;
  }

  /** The number of reads since the last call of this method. */
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
    return 0; // makes readers take the slow path through find() and load()
  }

  @Override
  public int directRuns() {
    return 0;
  }

  /** A view whose updates are discarded. */
  @Override
  public GuestMemory asReadOnly() {
    return new OverlayMemory(this);
  }

  @Override
  public int update(int run, long address, long expected, long replacement) {
    return below.update(run, address, expected, replacement);
  }
}
