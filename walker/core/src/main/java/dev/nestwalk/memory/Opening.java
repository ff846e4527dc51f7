package dev.nestwalk.memory;

/** How an image file is opened. The file itself is never changed. */
public enum Opening {
  /** Nothing is written; updates of accessed and dirty flags are skipped. */
  READ_ONLY,
  /**
   * Writes go to a private copy, which is made page by page when needed and released with the
   * arena.
   */
  PRIVATE_COPY
}
