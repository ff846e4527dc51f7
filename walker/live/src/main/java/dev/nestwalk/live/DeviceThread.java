package dev.nestwalk.live;

import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The thread on which a function does its DMA. A guest's doorbell wakes it without waiting for it,
 * so a guest whose access is held (SMMUv3 stall) can continue. An error of ours ends the work at
 * hand, not the thread.
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

    /**
     * Shows the guest that {@link #run} ended with an error of ours, so that it does not wait for
     * the work. The thread goes on with the next wake.
     */
    void failed();
  }

  /** Number of errors of ours that are reported: a guest may provoke one again and again. */
  private static final int TOLD_ERRORS = 8;

  private final Thread thread;
  private volatile boolean woken;
  private volatile boolean ending;
  private @Nullable Work work;

  /** Makes the work on the new thread when it is first woken, since ports belong to a thread. */
  @FunctionalInterface
  interface Maker {
    Work make();
  }

  /**
   * Starts a thread.
   *
   * @param say receives a line for each of the first errors of ours
   */
  DeviceThread(String name, Maker maker, Consumer<String> say) {
    thread = Thread.ofPlatform().name(name).daemon().unstarted(() -> run(name, maker, say));
    thread.start();
  }

  private void run(String name, Maker maker, Consumer<String> say) {
    int errors = 0;
    try {
      while (!ending) {
        while (!woken && !ending) {
          LockSupport.park(this);
        }
        woken = false;
        String error = work(maker);
        if (error != null && errors < TOLD_ERRORS) {
          errors++;
          say.accept(name + ": " + error + (errors == TOLD_ERRORS ? " (more are not told)" : ""));
        }
      }
    } catch (InterruptedException e) {
      // by end()
    }
  }

  /**
   * Does the pending work.
   *
   * @return null, or what went wrong
   */
  private @Nullable String work(Maker maker) throws InterruptedException {
    try {
      if (work == null) {
        work = maker.make();
      }
      work.run();
      return null;
    } catch (InternalError e) {
      fail();
      return "guest memory went away: " + e.getMessage();
    } catch (RuntimeException | Error e) {
      fail();
      return "internal error: " + e;
    }
  }

  private void fail() {
    if (work != null) {
      work.failed();
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
