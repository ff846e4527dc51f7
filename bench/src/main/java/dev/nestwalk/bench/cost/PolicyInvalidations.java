package dev.nestwalk.bench.cost;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Adds to a stream what a driver of the cell's policy invalidates because of its unmaps, and when.
 * Engines play what comes out, and therefore drop the same at the same moment.
 *
 * <p>A lazy driver has a timer: the first event of anybody after its time, of whatever address
 * space, comes after the flush.
 */
public final class PolicyInvalidations implements Consumer<DmaOp> {
  /** What waits for a flush of one address space. */
  private record Waiting(int requester, int pasid, FlushQueue queue) {}

  private final InvalidationPolicy policy;
  private final Consumer<DmaOp> sink;
  private final Map<Long, Waiting> spaces = new LinkedHashMap<>();
  private long earliest = Long.MAX_VALUE;

  /**
   * A policy before an engine.
   *
   * @param sink receives the stream with its invalidations
   */
  public PolicyInvalidations(InvalidationPolicy policy, Consumer<DmaOp> sink) {
    this.policy = policy;
    this.sink = sink;
  }

  @Override
  public void accept(DmaOp op) {
    if (op.nanoseconds() >= earliest) {
      flushDue(op.nanoseconds());
    }
    sink.accept(op);
    if (op.kind() == DmaOp.Kind.UNMAP) {
      unmapped(op);
    }
  }

  private void unmapped(DmaOp op) {
    if (policy.kind() != InvalidationPolicy.Kind.LAZY) {
      sink.accept(
          DmaOp.invalidate(op.requester(), op.pasid(), op.iova(), op.length(), op.nanoseconds())
              .followed(op.more()));
      return;
    }
    if (op.more()) {
      // The buffer waits as a whole.
      return;
    }
    long key = (long) op.requester() << 32 | op.pasid() + 1;
    Waiting waiting =
        spaces.computeIfAbsent(
            key, any -> new Waiting(op.requester(), op.pasid(), new FlushQueue(policy)));
    if (waiting.queue.add(op.nanoseconds())) {
      flush(waiting, op.nanoseconds());
    }
    earliest = Math.min(earliest, waiting.queue.due());
  }

  private void flushDue(long now) {
    earliest = Long.MAX_VALUE;
    for (Waiting waiting : spaces.values()) {
      if (waiting.queue.isDue(now)) {
        flush(waiting, now);
      }
      earliest = Math.min(earliest, waiting.queue.due());
    }
  }

  private void flush(Waiting waiting, long now) {
    waiting.queue.flushed();
    sink.accept(DmaOp.flush(waiting.requester, waiting.pasid, now));
  }
}
