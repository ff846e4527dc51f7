package dev.nestwalk.cache;

/**
 * What a translator's caches did, where {@link CacheOptions#counting} is on; else all zero.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public interface CacheCounters {
  /** Translations that the IOTLB answered. */
  long hits();

  /** Translations that it did not. */
  long misses();

  /** Translations that had to leave the IOTLB for others. */
  long evictions();

  /** Page-table entries read from guest memory. */
  long references();

  /** Walks that began at a cached first-stage table. */
  long firstStageHits();

  /** Second-stage walks that began at a cached table. */
  long secondStageHits();

  /** Second-stage walks that a cached page replaced. */
  long nestedHits();

  /** Begins anew. */
  void reset();
}
