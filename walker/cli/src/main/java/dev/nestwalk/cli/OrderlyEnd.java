package dev.nestwalk.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ends a command in order on Ctrl-C, or on another signal that ends the JVM: what the command waits
 * for is told to stop, and the JVM stays until the command has closed its files.
 *
 * <p>Threads: any.
 */
final class OrderlyEnd implements AutoCloseable {
  private static final long LIMIT_SECONDS = 20;

  private final List<Runnable> stops = new ArrayList<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread hook = new Thread(this::signalled, "orderly end");
  private boolean asked;

  private OrderlyEnd() {}

  /** Begins to heed signals; {@link #close} ends that, after everything else was closed. */
  static OrderlyEnd ofSignals() {
    OrderlyEnd end = new OrderlyEnd();
    Runtime.getRuntime().addShutdownHook(end.hook);
    return end;
  }

  /** Runs {@code stop} when a signal has come, on a thread of its own; at once if one has. */
  void stopBy(Runnable stop) {
    synchronized (this) {
      if (!asked) {
        stops.add(stop);
        return;
      }
    }
    stop.run();
  }

  /** Whether a signal has come. */
  synchronized boolean isAsked() {
    return asked;
  }

  private void signalled() {
    synchronized (this) {
      asked = true;
    }
    // Later ones run where they come from, so the list no longer changes.
    stops.forEach(Runnable::run);
    try {
      boolean inTime = closed.await(LIMIT_SECONDS, TimeUnit.SECONDS);
      if (!inTime) {
        System.err.println("not closed after %d seconds".formatted(LIMIT_SECONDS));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    closed.countDown();
    if (!isAsked()) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // A signal came just now; its thread finds everything closed.
      }
    }
  }
}
