package dev.nestwalk.live;

/** The register pages of a unit, as {@link RegisterFunction} shows them. Threads: any. */
interface RegisterPage {
  /** Bytes, a power of two. */
  long size();

  /** A read of up to 8 bytes. */
  long read(long offset, int size);

  /** A write of up to 8 bytes. */
  void write(long offset, int size, long value);

  /** Back to the state after power-on. */
  void reset();
}
