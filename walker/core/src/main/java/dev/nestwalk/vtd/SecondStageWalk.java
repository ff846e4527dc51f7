package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.GuestMemory;

/**
 * The second-stage walk (VT-d 3.7, 9.8), with at most one read per level. Levels go down to 1, the
 * page table. The walk itself sets no flags of the leaf; {@link #commit} sets them once every check
 * of the request has passed.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SecondStageWalk {
  /** A flag update lost to another writer; walk again. */
  static final int LOST = -1;

  /** The execute right, in entries that have it. */
  static final int X = 4;

  private static final long ADDRESS = SecondStageEntry.ADDR.mask();
  private static final long PAGE = SecondStageEntry.PS.mask();
  private static final long ACCESSED = SecondStageEntry.A.mask();
  private static final long DIRTY = SecondStageEntry.D.mask();

  private final GuestMemory memory;
  private final long tableReserved;
  private final long[] pageReserved;

  private final WalkCounters counters;

  // The leaf of the last successful walk, kept for commit() if flags are on.
  private long leafAt;
  private int leafRun;
  private long leafEntry;
  private int leafLevel;

  SecondStageWalk(VtdConfig config, GuestMemory memory, WalkCounters counters) {
    this.memory = memory;
    this.counters = counters;
    tableReserved = config.reserved.secondTable;
    pageReserved = config.reserved.secondPage;
  }

  /**
   * Walks. The caller has checked the width of the address.
   *
   * @param need rights that must all be granted
   * @param any rights of which at least one must be granted
   * @return a packed answer with all rights that the tables grant, or a packed fault
   */
  long walk(VtdPlan plan, long address, int need, int any) {
    long table = plan.secondRoot;
    int granted = Access.READ | Access.WRITE | X;
    int losses = 0;
    int level = plan.secondLevels;
    while (true) {
      int shift = 3 + 9 * level;
      long at = table + ((address >>> shift & 0x1ff) << 3);
      int run = memory.find(at);
      if (run < 0) {
        return unreadable(plan, level);
      }
      long entry = memory.load(run, at);
      int now = granted & (int) entry;
      if ((now & need) != need || (now & any) == 0) {
        return denied(plan, entry, now, need, level);
      }
      if (level == 1 || (entry & PAGE) != 0) {
        if ((entry & pageReserved[level]) != 0) {
          return Translation.fault(plan.legacy ? FaultCode.LSS_2 : FaultCode.SSS_3, 2, level);
        }
        if (plan.secondFlags) {
          leafAt = at;
          leafRun = run;
          leafEntry = entry;
          leafLevel = level;
        }
        counters.addReferences(plan.secondLevels - level + 1);
        long page = (entry & ADDRESS) >>> shift << shift;
        return Translation.ok(page | address & (1L << shift) - 1, shift, now & Access.ATOMIC);
      }
      if ((entry & tableReserved) != 0) {
        return Translation.fault(plan.legacy ? FaultCode.LSS_2 : FaultCode.SSS_3, 2, level);
      }
      if (plan.secondFlags && (entry & ACCESSED) == 0) {
        int code = set(plan, run, at, entry, ACCESSED);
        if (code == LOST && losses++ < VtdWalker.MAX_LOSSES) {
          continue;
        }
        if (code != 0) {
          return Translation.fault(code == LOST ? FaultCode.SSS_6 : code, 2, level);
        }
      }
      granted = now;
      table = entry & ADDRESS;
      level--;
    }
  }

  private static long unreadable(VtdPlan plan, int level) {
    boolean root = level == plan.secondLevels;
    int code =
        plan.legacy
            ? (root ? FaultCode.LCT_4 : FaultCode.LSS_1)
            : (root ? FaultCode.SSS_4 : FaultCode.SSS_1);
    return Translation.fault(code, 2, level);
  }

  private static long denied(VtdPlan plan, long entry, int granted, int need, int level) {
    boolean write = (need & Access.WRITE) != 0 && (granted & Access.WRITE) == 0;
    if (plan.legacy) {
      return Translation.fault(write ? FaultCode.LGN_2 : FaultCode.LGN_3, 2, level);
    }
    int present = plan.secondExecute ? Access.ATOMIC | X : Access.ATOMIC;
    if ((entry & present) == 0) {
      return Translation.fault(FaultCode.SSS_2, 2, level);
    }
    // What is missing is the right to write, to read, or else to execute.
    boolean reads = (granted & Access.READ) != 0;
    return Translation.fault(
        write ? FaultCode.SGN_6 : reads ? FaultCode.SGN_3 : FaultCode.SGN_7, 2, level);
  }

  /** Whether {@link #commit} would write. */
  boolean isCommitDue(VtdPlan plan, boolean write) {
    long flags = write ? ACCESSED | DIRTY : ACCESSED;
    return plan.secondFlags && (leafEntry & flags) != flags;
  }

  /** Level of the leaf that {@link #commit} writes. */
  int leafLevel() {
    return leafLevel;
  }

  /** Address of the leaf that {@link #commit} writes. */
  long leafAt() {
    return leafAt;
  }

  /** Index of the run of memory that holds the leaf. */
  int leafRun() {
    return leafRun;
  }

  /** The leaf as it was read. */
  long leafEntry() {
    return leafEntry;
  }

  /** Restores a leaf that another walk replaced. */
  void restore(int run, long at, long entry, int level) {
    leafRun = run;
    leafAt = at;
    leafEntry = entry;
    leafLevel = level;
  }

  /**
   * Sets A, and for a write D, in the leaf of the last walk if flags are on.
   *
   * @return 0, a fault reason, or {@link #LOST}
   */
  int commit(VtdPlan plan, boolean write) {
    if (!isCommitDue(plan, write)) {
      return 0;
    }
    long flags = write ? ACCESSED | DIRTY : ACCESSED;
    int code = set(plan, leafRun, leafAt, leafEntry, flags);
    if (code == 0) {
      leafEntry |= flags;
    }
    return code;
  }

  private int set(VtdPlan plan, int run, long at, long entry, long flags) {
    if (!plan.updates) {
      return FaultCode.SSS_5;
    }
    return switch (memory.update(run, at, entry, entry | flags)) {
      case GuestMemory.LOST -> LOST;
      case GuestMemory.REFUSED -> FaultCode.SSS_6;
      default -> 0;
    };
  }
}
