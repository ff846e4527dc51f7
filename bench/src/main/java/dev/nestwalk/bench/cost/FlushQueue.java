package dev.nestwalk.bench.cost;

/**
 * Determines when a lazy driver flushes: after a number of unmapped buffers, or a time after the
 * first of them. The allocator of addresses and the invalidating side each have such a queue, and
 * therefore agree.
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
   * Whether the time is up.
   *
   * @param nanoseconds present time
   */
  public boolean isDue(long nanoseconds) {
    return waiting > 0 && nanoseconds - since >= policy.nanoseconds();
  }

  /**
   * Adds a buffer.
   *
   * @param nanoseconds present time
   * @return whether the queue is full
   */
  public boolean add(long nanoseconds) {
    if (waiting++ == 0) {
      since = nanoseconds;
    }
    return waiting >= policy.batch();
  }

  /** Empties the queue after a flush. */
  public void flushed() {
    waiting = 0;
  }
}
