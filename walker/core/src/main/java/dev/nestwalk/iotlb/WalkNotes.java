package dev.nestwalk.iotlb;

/**
 * What a walk found beside its answer, for whoever keeps or judges the answer. Its walker's own:
 * each walk begins with a clean one, so it tells of the last walk alone.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
public final class WalkNotes {
  private int inputSpan;
  private long intermediate;
  private boolean global;

  /** Nothing noted. */
  public WalkNotes() {}

  /** For walkers: begins anew. */
  public void clear() {
    inputSpan = 0;
    intermediate = 0;
    global = false;
  }

  /** For walkers: the tables map an input page of at least so many bits. */
  public void inputSpan(int log2) {
    inputSpan = Math.max(inputSpan, log2);
  }

  /** For walkers: a first stage gave this address. */
  public void intermediate(long address) {
    intermediate = address;
  }

  /** For walkers: the translation holds for every process (SMMUv3: nG = 0). */
  public void global(boolean ofAll) {
    global = ofAll;
  }

  /**
   * Log2 of the page of input addresses that the tables map, where that is larger than what the
   * answer holds for; else that or 0.
   */
  public int inputSpan() {
    return inputSpan;
  }

  /** Intermediate address that the first stage of a nested walk gave; 0 where none did. */
  public long intermediate() {
    return intermediate;
  }

  /** Whether the translation holds for every process. */
  public boolean isGlobal() {
    return global;
  }
}
