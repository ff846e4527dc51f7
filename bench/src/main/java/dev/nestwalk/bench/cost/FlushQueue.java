package dev.nestwalk.bench.cost;

/**
 * When a lazy driver flushes: after so many unmapped buffers, or so long after the first of them.
 * Who allocates addresses and who invalidates each ask one of these, and so agree.
 */
public final class FlushQueue {
  private final InvalidationPolicy policy;
  private int waiting;
  private long since;

  /** An empty queue. */
  public FlushQueue(InvalidationPolicy policy) {
    this.policy = policy;
  }

  /**
   * Whether time is up.
   *
   * @param nanoseconds now
   */
  public boolean isDue(long nanoseconds) {
    return waiting > 0 && nanoseconds - since >= policy.nanoseconds();
  }

  /**
   * Adds a buffer.
   *
   * @param nanoseconds now
   * @return whether the queue is full
   */
  public boolean add(long nanoseconds) {
    if (waiting++ == 0) {
      since = nanoseconds;
    }
    return waiting >= policy.batch();
  }

  /** All that waited is flushed. */
  public void flushed() {
    waiting = 0;
  }
}
