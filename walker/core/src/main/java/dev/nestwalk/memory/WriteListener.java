package dev.nestwalk.memory;

/**
 * Hears what this library writes to guest memory: entries whose accessed or dirty flag a walk set,
 * bytes that devices wrote, words that atomic operations may have changed. What is written through
 * a slice nobody sees. For the log of dirty pages that a migration keeps.
 *
 * <p>Threads: called by the thread that wrote, after the write; it returns soon.
 */
@FunctionalInterface
public interface WriteListener {
  /**
   * Bytes were written.
   *
   * @param address guest-physical address of the first byte
   * @param length how many, all in one run of memory
   */
  void written(long address, long length);
}
