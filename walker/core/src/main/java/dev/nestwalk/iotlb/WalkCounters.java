package dev.nestwalk.iotlb;

import dev.nestwalk.cache.CacheCounters;

/**
 * Counters that the IOTLB and walks add to.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class WalkCounters implements CacheCounters {
  private long hits;
  private long misses;
  private long evictions;
  private long references;
  private long firstStageHits;
  private long secondStageHits;
  private long nestedHits;

  /** Makes counters that are all zero. */
  public WalkCounters() {}

  @Override
  public long hits() {
    return hits;
  }

  @Override
  public long misses() {
    return misses;
  }

  @Override
  public long evictions() {
    return evictions;
  }

  @Override
  public long references() {
    return references;
  }

  @Override
  public long firstStageHits() {
    return firstStageHits;
  }

  @Override
  public long secondStageHits() {
    return secondStageHits;
  }

  @Override
  public long nestedHits() {
    return nestedHits;
  }

  /** {@code count} translations that the IOTLB answered. */
  public void addHits(int count) {
    hits += count;
  }

  /** {@code count} translations that the IOTLB did not answer. */
  public void addMisses(int count) {
    misses += count;
  }

  /** A translation was displaced from the IOTLB. */
  public void addEviction() {
    evictions++;
  }

  /** {@code count} page-table entries were read. */
  public void addReferences(long count) {
    references += count;
  }

  /** {@code count} walks began at a cached first-stage table. */
  public void addFirstStageHits(int count) {
    firstStageHits += count;
  }

  /** {@code count} second-stage walks began at a cached table. */
  public void addSecondStageHits(int count) {
    secondStageHits += count;
  }

  /** A cached page replaced {@code count} second-stage walks. */
  public void addNestedHits(int count) {
    nestedHits += count;
  }

  @Override
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
