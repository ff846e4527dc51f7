package dev.nestwalk.teach;

import java.util.ArrayList;
import java.util.List;

/**
 * Limits the cost of a listing. A guest can write tables of a few kilobytes whose listing never
 * ends, so everything that grows with tables is counted, and the user is told which limit was
 * reached.
 *
 * <p>Threads: one at a time.
 */
public final class Budget {
  /** Default limit for a listing, in seconds. */
  public static final int SECONDS = 10;

  private static final long READS_PER_SECOND = 1L << 21;
  private static final int ENDPOINTS_PER_SECOND = 1 << 10;
  private static final int RANGES_PER_SECOND = 10_000;
  private static final int MOST_SECONDS = 1_000_000;

  /** Number of reads or walks between two looks at the clock. */
  private static final int CLOCK = 64;

  private final long mostReads;
  private final long mostEndpoints;
  private final long mostRanges;
  private final long nanos;
  private final long began = System.nanoTime();
  private final List<String> stopped = new ArrayList<>();
  private long reads;
  private long endpoints;
  private long ranges;
  private int ticks;

  private Budget(long reads, long endpoints, long ranges, long nanos) {
    mostReads = reads;
    mostEndpoints = endpoints;
    mostRanges = ranges;
    this.nanos = nanos;
  }

  /** A limit in seconds; the limits on reads, endpoints and ranges are proportional to it. */
  public static Budget ofSeconds(int seconds) {
    int most = Math.min(seconds, MOST_SECONDS);
    return new Budget(
        most * READS_PER_SECOND,
        (long) most * ENDPOINTS_PER_SECOND,
        (long) most * RANGES_PER_SECOND,
        most * 1_000_000_000L);
  }

  /**
   * A part of a scan, which ends after this many ranges or this much time, whichever comes first.
   */
  public static Budget ofRanges(int ranges, long nanos) {
    return new Budget(Long.MAX_VALUE, Long.MAX_VALUE, ranges, nanos);
  }

  /**
   * Counts a read of a table.
   *
   * @return false if the limit is reached
   */
  public boolean read() {
    return ++reads <= mostReads
        ? inTime()
        : stop("stopped after %d table reads".formatted(mostReads));
  }

  /**
   * Counts an endpoint.
   *
   * @return false if the limit is reached
   */
  public boolean endpoint() {
    return ++endpoints <= mostEndpoints
        || stop("stopped after %d endpoints".formatted(mostEndpoints));
  }

  /** Counts a range that was found. */
  public void range() {
    ranges++;
  }

  /** Whether another walk may be made. */
  public boolean walk() {
    return ranges < mostRanges ? inTime() : stop("stopped after %d ranges".formatted(mostRanges));
  }

  /** Number of ranges that may be printed. */
  public long printable() {
    return mostRanges;
  }

  private boolean inTime() {
    if ((++ticks & CLOCK - 1) != 0 || System.nanoTime() - began < nanos) {
      return true;
    }
    return stop("stopped after %d s".formatted(nanos / 1_000_000_000));
  }

  /** Notes the limit that was reached, once. */
  public boolean stop(String reason) {
    if (!stopped.contains(reason)) {
      stopped.add(reason);
    }
    return false;
  }

  /** The limits that were reached, in words; empty if none was. */
  public List<String> stopped() {
    return List.copyOf(stopped);
  }
}
