package dev.nestwalk.device;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Wakes a device. A thread that waits here has given up the answers of its ports, so that no guest
 * waits for it meanwhile.
 *
 * <p>Threads: rung by any, waited for by the device's.
 */
public final class Doorbell {
  private final Unit unit;
  private final Semaphore rings = new Semaphore(0);

  Doorbell(Unit unit) {
    this.unit = unit;
  }

  /** Wakes the thread that waits, or the next one that will. */
  public void ring() {
    rings.release();
  }

  /**
   * Waits for the bell; several rings before it count as one.
   *
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public void await() throws InterruptedException {
    unit.done();
    rings.acquire();
    rings.drainPermits();
  }

  /** Waits for the bell; false if the thread was interrupted, which it stays. */
  public boolean awaitQuietly() {
    try {
      await();
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /**
   * Waits for the bell, for at most a time.
   *
   * @return whether it rang
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public boolean await(long timeout, TimeUnit timeUnit) throws InterruptedException {
    unit.done();
    boolean rang = rings.tryAcquire(timeout, timeUnit);
    rings.drainPermits();
    return rang;
  }
}
