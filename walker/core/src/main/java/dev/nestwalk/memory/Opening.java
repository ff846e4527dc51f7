package dev.nestwalk.memory;

/** How an image file is opened. The file itself never changes. */
public enum Opening {
  /** Nothing is written: accessed and dirty updates are skipped. */
  READ_ONLY,
  /** Writes go to a private copy, made page by page as they happen, gone when the arena closes. */
  PRIVATE_COPY
}
