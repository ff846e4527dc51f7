package dev.nestwalk.cache;

/**
 * What a translator's caches did, where {@link CacheOptions#counting} is on; else all zero.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class CacheCounters {
  /** Translations that the IOTLB answered. */
  public long hits;

  /** Translations that it did not. */
  public long misses;

  /** Translations that had to leave the IOTLB for others. */
  public long evictions;

  /** Page-table entries read from guest memory. */
  public long references;

  /** Walks that began at a cached first-stage table. */
  public long firstStageHits;

  /** Second-stage walks that began at a cached table. */
  public long secondStageHits;

  /** Second-stage walks that a cached page replaced. */
  public long nestedHits;

  /** All zero. */
  public CacheCounters() {}

  /** Begins anew. */
  public void reset() {
    hits = 0;
    misses = 0;
    evictions = 0;
    references = 0;
    firstStageHits = 0;
    secondStageHits = 0;
    nestedHits = 0;
  }

  @Override
  public String toString() {
    return "hits %d, misses %d, evictions %d, references %d; structure hits: first stage %d, second stage %d, nested %d"
        .formatted(
            hits, misses, evictions, references, firstStageHits, secondStageHits, nestedHits);
  }
}
