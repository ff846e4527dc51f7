package dev.nestwalk.device;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A refused access that waits for software (SMMUv3 stall model, IHI 0070, 3.12.2): the unit keeps
 * it and decides, the port repeats or ends it.
 *
 * <p>Threads: decided once, by any thread; waited for by the device's.
 */
final class Stall {
  /** What becomes of a held access. */
  enum Decision {
    /** It is made again, as a new access: it may be refused again. */
    RETRY,
    /** It ends as refused. */
    ABORT,
    /** It ends without an error: reads give zeros, writes do nothing. */
    ZERO,
    /** The device's thread was interrupted and no longer waits: the access ends as refused. */
    GIVEN_UP
  }

  private final long iova;
  private final Thread device = Thread.currentThread();
  private volatile @Nullable Decision decision;

  /** A held access, made on the device's thread. */
  Stall(long iova) {
    this.iova = iova;
  }

  /** Byte address that was refused. */
  long iova() {
    return iova;
  }

  /** Decides, with the unit's lock held; a second decision changes nothing. */
  void decide(Decision what) {
    if (decision == null) {
      decision = what;
      LockSupport.unpark(device);
    }
  }

  /** Waits for the decision, on the device's thread. */
  Decision await() {
    Decision decided = decision;
    while (decided == null) {
      if (Thread.currentThread().isInterrupted()) {
        return Decision.GIVEN_UP;
      }
      LockSupport.park(this);
      decided = decision;
    }
    return decided;
  }
}
