package dev.nestwalk.iotlb;

/**
 * Issues tags, each one once. When none is {@link #left}, every cache that holds entries has to be
 * emptied and every tag in use replaced before {@link #restart}.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class TagCounter {
  private final int last;
  private int used;

  /** All {@link Tag#BITS} bits. */
  public TagCounter() {
    this((1 << Tag.BITS) - 1);
  }

  /**
   * Makes a counter that runs out early, for tests.
   *
   * @param last the last number issued, 1 to 2^{@link Tag#BITS} - 1
   */
  public TagCounter(int last) {
    if (last < 1 || last >>> Tag.BITS != 0) {
      throw new IllegalArgumentException(
          "last tag %d: expected 1 to %d".formatted(last, (1 << Tag.BITS) - 1));
    }
    this.last = last;
  }

  /** Number of tags that are left. */
  public int left() {
    return last - used;
  }

  /**
   * A number that has not been issued since the last {@link #restart}.
   *
   * @throws IllegalStateException if none is left
   */
  public int next() {
    if (used == last) {
      throw new IllegalStateException("no tag is left of " + last);
    }
    return ++used;
  }

  /** Starts over; nothing may be found under an old number after this. */
  public void restart() {
    used = 0;
  }
}
