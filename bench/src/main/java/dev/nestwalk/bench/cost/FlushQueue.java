package dev.nestwalk.bench.cost;

/**
 * Determines when a lazy driver flushes: after a number of unmapped buffers, or a time after the
 * first of them. The allocator of addresses and {@link PolicyInvalidations} each have such a queue,
 * ask it at the same moments, and therefore agree: no address is given out again before what was
 * cached of it is dropped.
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

  /** Time from which on {@link #isDue} holds; the largest there is if nothing waits. */
  public long due() {
    boolean never = waiting == 0 || since > Long.MAX_VALUE - policy.nanoseconds();
    return never ? Long.MAX_VALUE : since + policy.nanoseconds();
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
