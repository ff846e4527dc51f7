package dev.nestwalk.teach.decode;

/** What ends a number in the patterns of log lines. */
final class Digits {
  /**
   * No further digit, and no x after the 0 of a prefix. A number with more digits than its field
   * has bits is not what the pattern means: to take its first digits would name another address.
   */
  static final String END = "(?![0-9a-fA-FxX])";

  private Digits() {}
}
