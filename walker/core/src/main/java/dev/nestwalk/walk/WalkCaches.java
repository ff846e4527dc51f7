package dev.nestwalk.walk;

import dev.nestwalk.iotlb.StructureCaches;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.iotlb.WalkCounters;
import org.jspecify.annotations.Nullable;

/**
 * The state that the kernels of one translator share: caches, counters, scratch.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class WalkCaches {
  final @Nullable TranslationCache iotlb;
  final StructureCaches structures;
  final WalkCounters counters;
  final boolean counts;
  final Lanes lanes = new Lanes();

  /**
   * Collects the caches of a translator.
   *
   * @param iotlb null if translations are not cached
   */
  public WalkCaches(
      @Nullable TranslationCache iotlb,
      StructureCaches structures,
      WalkCounters counters,
      boolean counts) {
    this.iotlb = iotlb;
    this.structures = structures;
    this.counts = counts;
    this.counters = counters;
  }

  /** Whether all caches have the geometry whose lookup is unrolled. */
  boolean isUsual() {
    return (iotlb == null || iotlb.isUsual())
        && isPooled(structures.first)
        && isPooled(structures.second);
  }

  private static boolean isPooled(@Nullable TranslationCache cache) {
    return cache == null || cache.isPooled();
  }

  static long offsets(@Nullable TranslationCache cache) {
    return cache == null ? 0 : cache.offsets();
  }
}
