package dev.nestwalk.walk;

import dev.nestwalk.memory.GuestMemory;

/**
 * All that is constant for one compiled form of the walk. Equal shapes share a class.
 *
 * @param first first stage, or {@link Stage#NONE}
 * @param second second stage, or {@link Stage#NONE}
 * @param otherRange input addresses outside the first stage's range may be another kernel's
 * @param hole number of a block of 1 MiB below 4 GiB whose addresses the full walker judges, or -1;
 *     there are no pages beyond 4 GiB then
 * @param holeInInput whether that is so of input addresses too
 * @param memory what holds the tables
 * @param counts {@link dev.nestwalk.cache.CacheCounters} are kept
 * @param restricted some addresses are barred by a {@link Barrier}
 * @param usual IOTLB and page-walk caches have the geometry that is looked up in straight code
 * @param iotlb offset bits of the IOTLB, 0 for none
 * @param firstTables offset bits of the first stage's page-walk cache, 0 for none
 * @param secondTables offset bits of the second stage's, 0 for none
 * @param pages whole walks of the second stage are kept below a first
 */
public record Shape(
    Stage first,
    Stage second,
    boolean otherRange,
    long hole,
    boolean holeInInput,
    GuestMemory memory,
    boolean counts,
    boolean restricted,
    boolean usual,
    long iotlb,
    long firstTables,
    long secondTables,
    boolean pages) {

  /** Whether any table is walked. */
  boolean walks() {
    return first.isOn() || second.isOn();
  }

  boolean isNested() {
    return first.isOn() && second.isOn();
  }

  /** Log2 of the smallest page that an answer can be of. */
  int smallest() {
    return !first.isOn()
        ? second.granule()
        : second.isOn() ? Math.min(first.granule(), second.granule()) : first.granule();
  }

  /** Whether every level is walked, every time, and nothing else is asked. */
  boolean isBare() {
    return iotlb == 0 && firstTables == 0 && secondTables == 0 && !pages && !restricted;
  }

  /** Whether each stage has tables below the first one, and a cache that knows the last ones. */
  boolean knowsLastTables() {
    boolean one = !first.isOn() || firstTables != 0 && first.levels() > 1;
    boolean two = !second.isOn() || secondTables != 0 && second.levels() > 1;
    return usual && walks() && one && two && !pages;
  }

  /** Rights that a hit after a read may grant: a write may have flags to set. */
  long silent() {
    return first.writesAreSilent() && second.writesAreSilent() ? 3 : 1;
  }

  /** Entries that a walk of smallest pages reads. */
  int references() {
    int below = second.levels();
    return first.levels() * (below + 1) + below;
  }
}
