package dev.nestwalk.device;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A refused access that waits for software (SMMUv3 stall model, IHI 0070, 3.12.2): the unit keeps
 * it and decides, the port repeats or ends it.
 *
 * <p>Threads: decided once, by any thread; waited for by the device's.
 */
public final class Stall {
  /** What becomes of a held access. */
  public enum Decision {
    /** It is made again, as a new access: it may be refused again. */
    RETRY,
    /** It ends as refused. */
    ABORT,
    /** It ends without an error: reads give zeros, writes do nothing. */
    ZERO
  }

  private final Port port;
  private final long iova;
  private final int access;
  private volatile @Nullable Decision decision;
  private volatile @Nullable Thread waiter;

  /** A held access of a port. */
  Stall(Port port, long iova, int access) {
    this.port = port;
    this.iova = iova;
    this.access = access;
  }

  /** Whose access it is. */
  public Port port() {
    return port;
  }

  /** Byte address that was refused. */
  public long iova() {
    return iova;
  }

  /** {@link dev.nestwalk.dma.Access} bits of the access. */
  public int access() {
    return access;
  }

  /** What was decided, null as long as nothing was. */
  public @Nullable Decision decision() {
    return decision;
  }

  /** For the unit: decides; a second decision changes nothing. */
  void decide(Decision what) {
    if (decision == null) {
      decision = what;
      LockSupport.unpark(waiter);
    }
  }

  /** Waits for the decision; null if the thread was interrupted before, which it stays. */
  @Nullable Decision await() {
    waiter = Thread.currentThread();
    Decision decided = decision;
    while (decided == null && !Thread.currentThread().isInterrupted()) {
      LockSupport.park(this);
      decided = decision;
    }
    waiter = null;
    return decided;
  }
}
