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
 * @param home number of the run of memory that is tried first
 * @param counts {@link dev.nestwalk.iotlb.WalkCounters} are kept
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
    int home,
    boolean counts,
    boolean restricted,
    boolean usual,
    long iotlb,
    long firstTables,
    long secondTables,
    boolean pages) {

  /** Number of the run of memory that is tried {@code nth}: {@link #home}, then by size. */
  int run(int nth) {
    if (nth == 0) {
      return home;
    }
    int largest = memory.directRun(0);
    return largest == home ? memory.directRun(nth) : largest;
  }

  /** Whether any table is walked. */
  boolean walks() {
    return first.isOn() || second.isOn();
  }

  /** The stage that has input addresses. */
  Stage top() {
    return first.isOn() ? first : second;
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

  /** Whether batches are walked side by side: where there is anything that overlaps, and pays. */
  boolean walksSideBySide() {
    boolean pays = isBare() ? isNested() : knowsLastTables();
    boolean tagged = restricted && first.ignoredBits() != 0;
    return pays && !tagged && !(iotlb != 0 && counts);
  }

  /** An address of the first stage without the bits that do not count: as caches have it. */
  long untagged(long iova) {
    int ignored = first.ignoredBits();
    return ignored == 0 || first.outside(iova) != 0 ? iova : iova << ignored >> ignored;
  }

  /** The IOTLB's class of the smallest page. */
  int smallClass() {
    return smallest() < 16 ? 0 : 1;
  }

  /** Log2 of what the IOTLB keeps a smallest page as. */
  int smallShift() {
    return smallest() < 16 ? 12 : 16;
  }

  /** Log2 of the smallest block of input addresses that tables map as one. */
  int inputSpan() {
    return first.isOn() ? first.granule() : smallest();
  }

  // The hole: addresses of which the full walker has its own opinion.

  /** The answer, in blocks that leave the hole out; or 0 if an address itself lies in it. */
  long settled(long iova, long answer) {
    boolean above = iova >>> 32 != 0 && (answer & Kernel.ADDRESS) >>> 32 != 0;
    return hole < 0 || above ? answer : aroundHole(iova, answer);
  }

  private long aroundHole(long iova, long answer) {
    int span = (int) (answer >>> 52) & 63;
    if (answer == 0 || isInHole(iova, answer & Kernel.ADDRESS, 20)) {
      return 0;
    }
    return span > 20 && isInHole(iova, answer & Kernel.ADDRESS, span)
        ? answer & ~(63L << 52) | 20L << 52
        : answer;
  }

  private boolean isInHole(long iova, long address, int span) {
    long block = hole << 20 >>> span;
    return address >>> span == block || holeInInput && iova >>> span == block;
  }

  /** Negative if a small page touches the hole. */
  long hole(long iova, long address) {
    long touches = (address >>> 20 ^ hole) - 1;
    return holeInInput ? touches | (iova >>> 20 ^ hole) - 1 : touches;
  }
}
