package dev.nestwalk.cache;

/**
 * Counts what a translator's caches do if {@link CacheOptions#counting} is on; otherwise all
 * counters stay zero.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public interface CacheCounters {
  /** Translations that the IOTLB answered. */
  long hits();

  /** Translations that the IOTLB did not answer. */
  long misses();

  /** Translations that were displaced from the IOTLB. */
  long evictions();

  /** Page-table entries read from guest memory. */
  long references();

  /** Walks that began at a cached first-stage table. */
  long firstStageHits();

  /** Second-stage walks that began at a cached table. */
  long secondStageHits();

  /** Second-stage walks that a cached page replaced. */
  long nestedHits();

  /** Resets all counters to zero. */
  void reset();
}
