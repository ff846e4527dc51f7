package dev.nestwalk.iotlb;

/**
 * What a walk found besides its answer, for the code that keeps or judges the answer. The notes
 * belong to the walker and are cleared at the start of each walk, so they describe the last walk
 * only.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
public final class WalkNotes {
  private int inputSpan;
  private long intermediate;
  private boolean global;

  /** Makes empty notes. */
  public WalkNotes() {}

  /** For walkers: clears the notes. */
  public void clear() {
    inputSpan = 0;
    intermediate = 0;
    global = false;
  }

  /** For walkers: the tables map an input page of at least 2^{@code log2} bytes. */
  public void inputSpan(int log2) {
    inputSpan = Math.max(inputSpan, log2);
  }

  /** For walkers: this is the output of the first stage. */
  public void intermediate(long address) {
    intermediate = address;
  }

  /** For walkers: the translation holds for every process (SMMUv3: nG = 0). */
  public void global(boolean ofAll) {
    global = ofAll;
  }

  /**
   * Log2 of the page of input addresses that the tables map, if that is larger than the span of the
   * answer; otherwise the span or 0.
   */
  public int inputSpan() {
    return inputSpan;
  }

  /** Intermediate address that the first stage of a nested walk gave, or 0. */
  public long intermediate() {
    return intermediate;
  }

  /** Whether the translation holds for every process. */
  public boolean isGlobal() {
    return global;
  }
}
