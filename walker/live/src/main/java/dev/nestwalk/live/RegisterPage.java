package dev.nestwalk.live;

/** The register pages of a unit, served by {@link RegisterFunction}. Threads: any. */
interface RegisterPage {
  /** Size in bytes, a power of two. */
  long size();

  /** Reads up to 8 bytes. */
  long read(long offset, int size);

  /** Writes up to 8 bytes. */
  void write(long offset, int size, long value);

  /** Restores the state after power-on. */
  void reset();
}
