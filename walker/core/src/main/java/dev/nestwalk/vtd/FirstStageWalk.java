package dev.nestwalk.vtd;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The first-stage walk on host addresses (VT-d 3.6, 9.7): at most one read per level. Levels count
 * down to 1, the page table. {@link NestedWalk} is its twin over a second stage.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class FirstStageWalk {
  /** No answer: a flag update lost against another writer. No packed fault has code 0. */
  static final long LOST = Long.MIN_VALUE;

  static final long ADDRESS = FirstStageEntry.ADDR.mask();
  static final long PRESENT = FirstStageEntry.P.mask();
  static final long DIRTY = FirstStageEntry.D.mask();
  private static final long PAGE = FirstStageEntry.PS.mask();

  private final GuestMemory memory;
  private final int leafLevels;
  private final CacheCounters counters;

  /** Level of the entry whose update was tried last. */
  private int lostLevel;

  FirstStageWalk(VtdConfig config, GuestMemory memory, CacheCounters counters) {
    this.memory = memory;
    this.counters = counters;
    leafLevels = config.unit.firstStageLeafLevels();
  }

  /** Whether the address is not canonical for {@code levels} levels (3.6). */
  static boolean isNotCanonical(long iova, int levels) {
    int unused = 52 - 9 * levels;
    return iova << unused >> unused != iova;
  }

  /** Whether a present entry maps a page. */
  static boolean isLeaf(long entry, int level, int leafLevels) {
    return level == 1 || (entry & PAGE) != 0 && (leafLevels >>> level & 1) != 0;
  }

  /**
   * Walks.
   *
   * @param need rights that must all be granted
   * @param asked read and write as the request has them
   */
  long walk(VtdPlan plan, long iova, int need, int asked) {
    if (isNotCanonical(iova, plan.firstLevels)) {
      return Translation.fault(FaultCode.SGN_1, 1, 0);
    }
    // A lost flag update starts over: flags only get set, so the next round has less to do.
    for (int losses = 0; losses <= VtdWalker.MAX_LOSSES; losses++) {
      long answer = walkOnce(plan, iova, need, asked);
      if (answer != LOST) {
        return answer;
      }
    }
    return Translation.fault(FaultCode.SFS_10, 1, lostLevel);
  }

  private long walkOnce(VtdPlan plan, long iova, int need, int asked) {
    long table = plan.firstRoot;
    long all = -1;
    long some = 0;
    for (int level = plan.firstLevels; ; level--) {
      int shift = 3 + 9 * level;
      long at = table + ((iova >>> shift & 0x1ff) << 3);
      int run = memory.find(at);
      if (run < 0) {
        return Translation.fault(
            level == plan.firstLevels ? FaultCode.SFS_4 : FaultCode.SFS_1, 1, level);
      }
      long entry = memory.load(run, at);
      if ((entry & PRESENT) == 0) {
        return Translation.fault(FaultCode.SFS_2, 1, level);
      }
      all &= entry;
      some |= entry;
      if (isLeaf(entry, level, leafLevels)) {
        if ((entry & plan.firstLeaf[level]) != 0) {
          return Translation.fault(FaultCode.SFS_3, 1, level);
        }
        int granted = FirstStageRights.judge(plan, all, some, need, asked);
        if (granted < 0) {
          return Translation.fault(-granted, 1, level);
        }
        counters.addReferences(plan.firstLevels - level + 1);
        long output = (entry & ADDRESS) >>> shift << shift | iova & (1L << shift) - 1;
        if (VtdConfig.isInterrupt(output)) {
          return Translation.fault(FaultCode.SGN_8, 0, 0);
        }
        boolean dirty = (asked & granted & Access.WRITE) != 0;
        long lost = set(plan, run, at, entry, level, plan.firstUsed | (dirty ? DIRTY : 0));
        return lost != 0 ? lost : Translation.ok(output, shift, granted);
      }
      if ((entry & plan.firstTable[level]) != 0) {
        return Translation.fault(FaultCode.SFS_3, 1, level);
      }
      long lost = set(plan, run, at, entry, level, plan.firstUsed);
      if (lost != 0) {
        return lost;
      }
      table = entry & ADDRESS;
    }
  }

  /** Sets flags that are missing: 0 if they are there now, else a packed fault or {@link #LOST}. */
  private long set(VtdPlan plan, int run, long at, long entry, int level, long flags) {
    if ((entry & flags) == flags) {
      return 0;
    }
    if (!plan.updates) {
      return Translation.fault(FaultCode.SFS_9, 1, level);
    }
    lostLevel = level;
    return write(memory, run, at, entry, level, flags);
  }

  /** The compare-and-set of a flag update: 0, {@link #LOST} or a packed fault. */
  static long write(GuestMemory memory, int run, long at, long entry, int level, long flags) {
    return switch (memory.update(run, at, entry, entry | flags)) {
      case GuestMemory.LOST -> LOST;
      case GuestMemory.REFUSED -> Translation.fault(FaultCode.SFS_10, 1, level);
      default -> 0;
    };
  }
}
