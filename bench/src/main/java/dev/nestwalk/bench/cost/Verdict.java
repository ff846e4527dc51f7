package dev.nestwalk.bench.cost;

/**
 * Whether a part of an expected shape was found.
 *
 * @param claim what was expected, in one sentence
 * @param answer whether it is so
 * @param measured what was found, with figures
 */
public record Verdict(String claim, Answer answer, String measured) {
  /** Whether a claim is so. */
  public enum Answer {
    /** It is so. */
    HOLDS,
    /** It is not so. */
    FAILS,
    /** The spread of what was measured forbids a verdict. */
    UNSURE
  }

  /** A verdict on something that is exact. */
  public static Verdict of(String claim, boolean holds, String measured) {
    return new Verdict(claim, holds ? Answer.HOLDS : Answer.FAILS, measured);
  }
}
