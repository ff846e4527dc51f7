package dev.nestwalk.live;

import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The thread on which a function does its DMA. A guest's doorbell wakes it without waiting for it,
 * so a guest whose access is held (SMMUv3 stall) can continue.
 *
 * <p>Threads: {@link #wake} and {@link #end} may be called by any.
 */
final class DeviceThread {
  /** The work of a function. */
  interface Work {
    /**
     * Does the pending work; called on the device thread, again after each wake.
     *
     * @throws InterruptedException if the thread is to end
     */
    void run() throws InterruptedException;
  }

  private final Thread thread;
  private volatile boolean woken;
  private volatile boolean ending;
  private @Nullable Work work;

  /** Makes the work on the new thread, since ports belong to a thread. */
  @FunctionalInterface
  interface Maker {
    Work make();
  }

  /**
   * Starts a thread.
   *
   * @param say receives a line if the thread has to end early
   */
  DeviceThread(String name, Maker maker, Consumer<String> say) {
    thread = Thread.ofPlatform().name(name).daemon().unstarted(() -> run(name, maker, say));
    thread.start();
  }

  private void run(String name, Maker maker, Consumer<String> say) {
    try {
      work = maker.make();
      while (!ending) {
        while (!woken && !ending) {
          LockSupport.park(this);
        }
        woken = false;
        work.run();
      }
    } catch (InterruptedException e) {
      // by end()
    } catch (InternalError e) {
      say.accept(name + ": guest memory went away: " + e.getMessage());
    } catch (RuntimeException | Error e) {
      say.accept(name + ": stopped by an internal error: " + e);
    }
  }

  /** Wakes the thread, since there may be work. */
  void wake() {
    woken = true;
    LockSupport.unpark(thread);
  }

  /** Ends the thread, even during a held access. */
  void end() {
    ending = true;
    thread.interrupt();
    LockSupport.unpark(thread);
    try {
      thread.join(2000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
