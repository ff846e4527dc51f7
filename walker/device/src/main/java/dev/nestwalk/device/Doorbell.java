package dev.nestwalk.device;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Wakes a device. A thread that waits here has given up the answers of its ports, whichever unit
 * they are of, so that no guest waits for it meanwhile.
 *
 * <p>Threads: rung by any, waited for by the device's.
 */
public final class Doorbell {
  /** One permit at most, so that no number of rings is too large. */
  private final Semaphore bell = new Semaphore(0);

  /** Whether the bell has a permit, or a thread that took it has not noted so yet. */
  private final AtomicBoolean isRung = new AtomicBoolean();

  Doorbell() {}

  /** Wakes the thread that waits, or the next one that will. */
  public void ring() {
    if (!isRung.getAndSet(true)) {
      bell.release();
    }
  }

  /**
   * Waits for the bell; several rings before it count as one.
   *
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public void await() throws InterruptedException {
    DmaThread.standAside();
    try {
      bell.acquire();
    } finally {
      DmaThread.comeBack();
    }
    heard();
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
    DmaThread.standAside();
    try {
      boolean rang = bell.tryAcquire(timeout, timeUnit);
      if (rang) {
        heard();
      }
      return rang;
    } finally {
      DmaThread.comeBack();
    }
  }

  /** Rings that are not heard yet: 0 or 1. */
  int permits() {
    return bell.availablePermits();
  }

  /** The next ring counts again; what was written before those until now is visible. */
  private void heard() {
    isRung.getAndSet(false);
  }
}
