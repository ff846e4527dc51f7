package dev.nestwalk;

import dev.nestwalk.dma.Translation;
import org.jspecify.annotations.Nullable;

/** A stretch of time of {@link PreciseThreads}: from one deed of the guest to the next. */
final class PreciseEpoch {
  /** The guest's round. */
  final int round;

  /** What the guest has done when it begins. */
  final String deed;

  /** Everything that changed was invalidated and synced. */
  final boolean quiet;

  /** False while one more change is being made, whose answers the next epoch has. */
  final boolean isKnown;

  /** The walk's answers at its begin. */
  final long[] expected;

  /** Whether reads of different moments may make up an answer, by request. */
  final boolean[] mixes;

  volatile @Nullable PreciseEpoch next;

  /** The last quiet one: until the next sync, caches may answer as it did. */
  PreciseEpoch since = this;

  /** The last quiet one before. */
  private PreciseEpoch before = this;

  /** Counted from the machine's begin. */
  private int number;

  PreciseEpoch(
      int round, String deed, boolean quiet, boolean isKnown, long[] expected, boolean[] mixes) {
    this.round = round;
    this.deed = deed;
    this.quiet = quiet;
    this.isKnown = isKnown;
    this.expected = expected;
    this.mixes = mixes;
  }

  /** Comes after another one, before anybody else sees it. */
  void follow(PreciseEpoch last) {
    number = last.number + 1;
    before = last.since;
    if (!quiet) {
      since = last.since;
    }
  }

  /** What the guest did from the last sync before on, and what a walk answered to a request. */
  String history(PreciseEpoch end, int request) {
    StringBuilder text = new StringBuilder();
    PreciseEpoch after = end.next;
    for (PreciseEpoch epoch = before; epoch != null && epoch != after; epoch = epoch.next) {
      text.append("%n  epoch %d, round %d, ".formatted(epoch.number, epoch.round))
          .append(epoch.deed)
          .append(": ")
          .append(Translation.describe(epoch.expected[request]));
    }
    return text.toString();
  }

  /** The last requests of a device, as they met the guest's epochs. */
  static final class Met {
    private static final int KEPT = 12;

    private final int[] requests = new int[KEPT];
    private final int[] begins = new int[KEPT];
    private final int[] ends = new int[KEPT];
    private final long[] answers = new long[KEPT];
    private int count;

    void add(int request, PreciseEpoch begin, PreciseEpoch end, long answer) {
      int at = count++ % KEPT;
      requests[at] = request;
      begins[at] = begin.number;
      ends[at] = end.number;
      answers[at] = answer;
    }

    /** One line for each, the last one last. */
    String history() {
      StringBuilder text = new StringBuilder();
      for (int i = Math.max(0, count - KEPT); i < count; i++) {
        int at = i % KEPT;
        text.append(
            "%n  request %d, epochs %d to %d: %s"
                .formatted(requests[at], begins[at], ends[at], Translation.describe(answers[at])));
      }
      return text.toString();
    }
  }
}
