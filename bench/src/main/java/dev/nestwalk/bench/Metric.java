package dev.nestwalk.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One line of the scoreboard: what is timed on the Java side and on the baseline's. */
class Metric {
  private static final ThreadMXBean THREADS =
      (ThreadMXBean) ManagementFactory.getPlatformMXBean(java.lang.management.ThreadMXBean.class);

  private static final int LEAD = 8;
  private static final double WIDEST_SPREAD = 0.15;

  /** Does {@code operations} operations; the result prevents dead-code elimination. */
  interface Body {
    long run(int operations);
  }

  /** Whether the figures of a metric meet its target; a missing figure (NaN) does not. */
  interface Target {
    boolean isMet(Metric metric);
  }

  /** The result of a target. */
  enum Verdict {
    MET("met"),
    NOT_MET("not met"),
    /** The rounds are too far apart for a verdict. */
    UNSURE("unsure");

    final String words;

    Verdict(String words) {
      this.words = words;
    }
  }

  final String name;
  final String target;
  private final Target condition;
  private final int operations;
  private int lead = LEAD;
  private final Body java;
  private final @Nullable Body baseline;
  private final List<Double> javaTimes = new ArrayList<>();
  private final List<Double> nativeTimes = new ArrayList<>();
  private long allocated;
  private long measured;
  private long sink;

  /** Page-table entries read per operation; NaN if that does not apply. */
  double references = Double.NaN;

  Metric(
      String name,
      int operations,
      Body java,
      @Nullable Body baseline,
      String target,
      Target condition) {
    this.name = name;
    this.operations = operations;
    this.java = java;
    this.baseline = baseline;
    this.target = target;
    this.condition = condition;
  }

  /**
   * Runs a whole round untimed before the one that is timed. This is for subjects that keep more
   * than half of their data outside the processor's caches after an eighth of a round; otherwise
   * the side that runs first would be at a disadvantage.
   */
  Metric afterWholeRound() {
    lead = 1;
    return this;
  }

  /** Runs one round; rounds for warm-up are not recorded. */
  void round(boolean counts) {
    long bytes = THREADS.getCurrentThreadAllocatedBytes();
    double time = time(java);
    bytes = THREADS.getCurrentThreadAllocatedBytes() - bytes;
    double other = baseline == null ? 0 : time(baseline);
    if (counts) {
      javaTimes.add(time);
      allocated += bytes;
      measured += operations + operations / lead;
      if (baseline != null) {
        nativeTimes.add(other);
      }
    }
  }

  /** Times a round, after a part of one that only refills the processor's caches. */
  private double time(Body body) {
    sink += body.run(operations / lead);
    long start = System.nanoTime();
    sink += body.run(operations);
    return (System.nanoTime() - start) / (double) operations;
  }

  double javaNanos() {
    return quantile(javaTimes, 0.5);
  }

  /** NaN without a baseline. */
  double nativeNanos() {
    return quantile(nativeTimes, 0.5);
  }

  /** Median of the ratios of the rounds: disturbances of the machine affect both sides. */
  double ratio() {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < nativeTimes.size(); i++) {
      ratios.add(javaTimes.get(i) / nativeTimes.get(i));
    }
    return quantile(ratios, 0.5);
  }

  /** Half of the rounds are within this fraction of the median. */
  double spread() {
    return spread(javaTimes);
  }

  /**
   * Half of the baseline's rounds are within this fraction of their median; NaN without a baseline.
   */
  double nativeSpread() {
    return spread(nativeTimes);
  }

  private static double spread(List<Double> times) {
    return (quantile(times, 0.75) - quantile(times, 0.25)) / quantile(times, 0.5);
  }

  /** Number of recorded rounds. */
  int rounds() {
    return javaTimes.size();
  }

  /** Bytes allocated per operation; the timing itself allocates a few per round. */
  double bytes() {
    return measured == 0 ? Double.NaN : Math.floor(100.0 * allocated / measured) / 100;
  }

  /** The verdict. A missing figure meets no target; rounds that are far apart prove nothing. */
  Verdict verdict() {
    if (Double.isNaN(javaNanos())) {
      return Verdict.NOT_MET;
    }
    if (spread() > WIDEST_SPREAD || nativeSpread() > WIDEST_SPREAD) {
      return Verdict.UNSURE;
    }
    return condition.isMet(this) ? Verdict.MET : Verdict.NOT_MET;
  }

  long sink() {
    return sink;
  }

  private static double quantile(List<Double> values, double at) {
    if (values.isEmpty()) {
      return Double.NaN;
    }
    List<Double> sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    return sorted.get((int) Math.min(sorted.size() - 1, Math.floor(at * sorted.size())));
  }
}
