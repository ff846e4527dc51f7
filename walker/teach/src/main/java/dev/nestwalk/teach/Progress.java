package dev.nestwalk.teach;

import java.io.PrintWriter;

/**
 * One line that shows progress, on a terminal only. The launcher knows whether standard error is a
 * terminal and passes this in the property {@code nestwalk.progress}.
 */
public final class Progress implements AutoCloseable {
  private static final long INTERVAL_NANOS = 100_000_000;

  private final PrintWriter err;
  private final boolean shown;
  private long last = System.nanoTime();
  private int width;

  public Progress(PrintWriter err) {
    this.err = err;
    this.shown = Boolean.getBoolean("nestwalk.progress");
  }

  public void at(String what, long done, long total) {
    long now = System.nanoTime();
    if (!shown || now - last < INTERVAL_NANOS) {
      return;
    }
    last = now;
    String text = total > 0 ? "%s %d/%d".formatted(what, done, total) : what + " " + done;
    err.print("\r" + text + " ".repeat(Math.max(0, width - text.length())));
    err.flush();
    width = text.length();
  }

  @Override
  public void close() {
    if (width > 0) {
      err.print("\r" + " ".repeat(width) + "\r");
      err.flush();
      width = 0;
    }
  }
}
