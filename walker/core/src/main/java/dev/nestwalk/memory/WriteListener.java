package dev.nestwalk.memory;

/**
 * Is told what this library writes to guest memory: entries in which a walk set a flag, bytes that
 * devices wrote, words that atomic operations may have changed. Writes through a slice are not
 * reported. A migration keeps its log of dirty pages this way.
 *
 * <p>Threads: called by the thread that wrote, after the write; the method should return quickly.
 * It must not call {@code Iommu.sync()}, which would wait for the translation under way.
 */
@FunctionalInterface
public interface WriteListener {
  /**
   * Reports that bytes were written.
   *
   * @param address guest-physical address of the first byte
   * @param length number of bytes, all in one run of memory
   */
  void written(long address, long length);
}
