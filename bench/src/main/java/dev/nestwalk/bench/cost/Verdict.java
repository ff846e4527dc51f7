package dev.nestwalk.bench.cost;

/**
 * Whether a part of an expected shape was found.
 *
 * @param claim the expectation in one sentence
 * @param answer whether it holds
 * @param measured the finding, with figures
 */
public record Verdict(String claim, Answer answer, String measured) {
  /** Whether a claim holds. */
  public enum Answer {
    /** The claim holds. */
    HOLDS,
    /** The claim does not hold. */
    FAILS,
    /** The spread of the measurement is too large for a verdict. */
    UNSURE
  }

  /** A verdict on something that is exact. */
  public static Verdict of(String claim, boolean holds, String measured) {
    return new Verdict(claim, holds ? Answer.HOLDS : Answer.FAILS, measured);
  }
}
