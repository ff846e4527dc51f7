package dev.nestwalk.cache;

/**
 * What a translator's caches did, where {@link CacheOptions#counting} is on; else all zero.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class CacheCounters {
  private long hits;
  private long misses;
  private long evictions;
  private long references;
  private long firstStageHits;
  private long secondStageHits;
  private long nestedHits;

  /** All zero. */
  public CacheCounters() {}

  /** Translations that the IOTLB answered. */
  public long hits() {
    return hits;
  }

  /** Translations that it did not. */
  public long misses() {
    return misses;
  }

  /** Translations that had to leave the IOTLB for others. */
  public long evictions() {
    return evictions;
  }

  /** Page-table entries read from guest memory. */
  public long references() {
    return references;
  }

  /** Walks that began at a cached first-stage table. */
  public long firstStageHits() {
    return firstStageHits;
  }

  /** Second-stage walks that began at a cached table. */
  public long secondStageHits() {
    return secondStageHits;
  }

  /** Second-stage walks that a cached page replaced. */
  public long nestedHits() {
    return nestedHits;
  }

  /** For walks: {@code count} translations that the IOTLB answered. */
  public void addHits(int count) {
    hits += count;
  }

  /** For walks: {@code count} translations that the IOTLB did not answer. */
  public void addMisses(int count) {
    misses += count;
  }

  /** For walks: a translation had to leave the IOTLB for another. */
  public void addEviction() {
    evictions++;
  }

  /** For walks: {@code count} page-table entries were read. */
  public void addReferences(long count) {
    references += count;
  }

  /** For walks: {@code count} of them began at a cached first-stage table. */
  public void addFirstStageHits(int count) {
    firstStageHits += count;
  }

  /** For walks: {@code count} second-stage walks began at a cached table. */
  public void addSecondStageHits(int count) {
    secondStageHits += count;
  }

  /** For walks: a cached page replaced {@code count} second-stage walks. */
  public void addNestedHits(int count) {
    nestedHits += count;
  }

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
