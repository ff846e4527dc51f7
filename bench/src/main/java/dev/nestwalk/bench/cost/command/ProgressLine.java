package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.sweep.CellRunner;
import java.io.PrintWriter;
import java.util.Locale;

/** A line on a terminal that says how far a run is; nothing where there is none. */
final class ProgressLine implements CellRunner.Progress, AutoCloseable {
  private static final long EVERY = 200_000_000;

  private final PrintWriter err;
  private final boolean shown;
  private final long begin = System.nanoTime();
  private long last = begin - EVERY;
  private int width;

  ProgressLine(PrintWriter err, boolean shown) {
    this.err = err;
    this.shown = shown;
  }

  /** As the launcher says whether standard error is a terminal. */
  static ProgressLine of(PrintWriter err) {
    return new ProgressLine(err, Boolean.getBoolean("nestwalk.progress"));
  }

  @Override
  public void done(int cells, int of) {
    long now = System.nanoTime();
    if (shown && (now - last >= EVERY || cells == of)) {
      last = now;
      print(line(cells, of, (now - begin) / 1e9));
    }
  }

  /** What it says after so many seconds. */
  static String line(int cells, int of, double seconds) {
    return "%d of %d cells, %s left".formatted(cells, of, time(seconds / cells * (of - cells)));
  }

  /** A time as a person says it. */
  static String time(double seconds) {
    long whole = Math.round(seconds);
    return whole < 60
        ? whole + " s"
        : whole < 3600
            ? String.format(Locale.ROOT, "%d:%02d min", whole / 60, whole % 60)
            : String.format(Locale.ROOT, "%d:%02d h", whole / 3600, whole % 3600 / 60);
  }

  private void print(String text) {
    err.print("\r" + text + " ".repeat(Math.max(0, width - text.length())));
    err.flush();
    width = text.length();
  }

  @Override
  public void close() {
    if (shown && width > 0) {
      print("");
      err.print("\r");
      err.flush();
    }
  }
}
