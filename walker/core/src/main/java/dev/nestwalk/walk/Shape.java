package dev.nestwalk.walk;

import dev.nestwalk.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/**
 * All constants of one compiled form of the walk. Equal shapes share a class.
 *
 * @param first first stage, or {@link Stage#NONE}
 * @param second second stage, or {@link Stage#NONE}
 * @param otherRange whether addresses outside the first stage's range may be another kernel's
 * @param hole index of a block of 1 MiB below 4 GiB whose addresses are left to the full walker, or
 *     -1; with a hole no page is larger than 4 GiB
 * @param holeInInput whether the hole applies to input addresses too
 * @param memory the memory that holds the tables
 * @param home index of the run of memory that is tried first
 * @param counts whether {@link dev.nestwalk.iotlb.WalkCounters} are kept
 * @param restricted whether a {@link Barrier} bars some addresses
 * @param usual whether IOTLB and page-walk caches have the geometry whose lookup is unrolled
 * @param iotlb offset mask of the IOTLB, 0 for none
 * @param firstTables offset mask of the first stage's page-walk cache, 0 for none
 * @param secondTables offset mask of the second stage's page-walk cache, 0 for none
 * @param pages whether whole walks of the second stage are cached below a first
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

  /** Index of the run of memory that is tried {@code nth}: {@link #home} first, then by size. */
  int run(int nth) {
    if (nth == 0) {
      return home;
    }
    int largest = memory.directRun(0);
    return largest == home ? memory.directRun(nth) : largest;
  }

  /** The two runs of memory that are tried first, if they are windows of one segment. */
  @Nullable Windows windows() {
    return memory.directRuns() > 1 ? Windows.of(memory, run(0), run(1)) : null;
  }

  /** Whether any table is walked. */
  boolean walks() {
    return first.isOn() || second.isOn();
  }

  /** The stage that translates input addresses. */
  Stage top() {
    return first.isOn() ? first : second;
  }

  boolean isNested() {
    return first.isOn() && second.isOn();
  }

  /** Log2 of the smallest page that an answer can have. */
  int smallest() {
    return !first.isOn()
        ? second.granule()
        : second.isOn() ? Math.min(first.granule(), second.granule()) : first.granule();
  }

  /** Whether every level is walked every time, without caches or restrictions. */
  boolean isBare() {
    return iotlb == 0 && firstTables == 0 && secondTables == 0 && !pages && !restricted;
  }

  /** Whether each stage has tables below the first one, and a cache that holds the last ones. */
  boolean knowsLastTables() {
    boolean one = !first.isOn() || firstTables != 0 && first.levels() > 1;
    boolean two = !second.isOn() || secondTables != 0 && second.levels() > 1;
    return usual && walks() && one && two && !pages;
  }

  /** Rights that a hit may grant after a read; a write may still have flags to set. */
  long silent() {
    return first.writesAreSilent() && second.writesAreSilent() ? 3 : 1;
  }

  /** Number of entries that a walk of smallest pages reads. */
  int references() {
    int below = second.levels();
    return first.levels() * (below + 1) + below;
  }

  /**
   * Whether batches are walked side by side, which is so where memory reads overlap enough to pay.
   */
  boolean walksSideBySide() {
    boolean pays = isBare() ? isNested() : knowsLastTables();
    boolean tagged = restricted && first.ignoredBits() != 0;
    return pays && !tagged && !(iotlb != 0 && counts);
  }

  /** An address of the first stage without its ignored bits, as caches hold it. */
  long untagged(long iova) {
    int ignored = first.ignoredBits();
    return ignored == 0 || first.outside(iova) != 0 ? iova : iova << ignored >> ignored;
  }

  /** The IOTLB's class of the smallest page. */
  int smallClass() {
    return smallest() < 16 ? 0 : 1;
  }

  /** Log2 of the block under which the IOTLB stores a smallest page. */
  int smallShift() {
    return smallest() < 16 ? 12 : 16;
  }

  /** Log2 of the smallest block of input addresses that tables map as one. */
  int inputSpan() {
    return first.isOn() ? first.granule() : smallest();
  }

  // The hole: addresses that are left to the full walker.

  /** The answer, narrowed to a block outside the hole, or 0 if an address is in the hole itself. */
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

  /** Negative if a small page overlaps the hole. */
  long hole(long iova, long address) {
    long touches = (address >>> 20 ^ hole) - 1;
    return holeInInput ? touches | (iova >>> 20 ^ hole) - 1 : touches;
  }
}
