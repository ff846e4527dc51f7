package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.iotlb.WalkNotes;
import dev.nestwalk.memory.GuestMemory;

/**
 * The first-stage walk (VT-d 3.6, 9.7), alone or nested over the second stage (3.8). When nested,
 * the address of each table and the output address are guest-physical and pass the second stage.
 * Levels go down to 1, the page table. With F and S levels, the walk makes at most F reads alone
 * and F * (S + 1) + S when nested.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class FirstStageWalk {
  /**
   * A flag update lost to another writer, so there is no answer yet. No packed fault has code 0.
   */
  private static final long LOST = Long.MIN_VALUE;

  private static final long ADDRESS = FirstStageEntry.ADDR.mask();
  private static final long PRESENT = FirstStageEntry.P.mask();
  private static final long DIRTY = FirstStageEntry.D.mask();
  private static final long PAGE = FirstStageEntry.PS.mask();

  private final GuestMemory memory;
  private final SecondStageWalk second;
  private final WalkNotes notes;
  private final WalkCounters counters;

  /** Whether the current walk is nested over the second stage. */
  private boolean nested;

  /** Guest-physical address at fault, or 0 if the fault concerns none. */
  private long intermediate;

  // The current first-stage entry.
  private long entryAt;
  private int entryRun;
  private int entryRights;

  // The refusal to return if a flag update keeps losing.
  private long lost;
  private long lostAddress;

  FirstStageWalk(
      GuestMemory memory, SecondStageWalk second, WalkNotes notes, WalkCounters counters) {
    this.notes = notes;
    this.memory = memory;
    this.counters = counters;
    this.second = second;
  }

  /** Guest-physical address at fault in the last walk, or 0 if its fault concerns none. */
  long intermediate() {
    return intermediate;
  }

  /** Clears the last fault. */
  void reset() {
    intermediate = 0;
  }

  /**
   * Walks.
   *
   * @param need rights that must all be granted
   * @param asked read and write bits of the request
   * @param zero whether it is a zero-length read, for which either right is enough in the second
   *     stage
   */
  long walk(VtdPlan plan, long iova, int need, int asked, boolean zero) {
    int unused = 52 - 9 * plan.firstLevels;
    if (iova << unused >> unused != iova) {
      return Translation.fault(FaultCode.SGN_1, 1, 0);
    }
    nested = plan.kind == VtdPlan.NESTED;
    // After a lost flag update the walk starts over. Flags are only ever set, so the next round has
    // less to do.
    for (int losses = 0; losses <= VtdWalker.MAX_LOSSES; losses++) {
      long answer = walkOnce(plan, iova, need, asked, zero);
      if (answer != LOST) {
        return answer;
      }
    }
    intermediate = lostAddress;
    return lost;
  }

  private long walkOnce(VtdPlan plan, long iova, int need, int asked, boolean zero) {
    long table = plan.firstRoot;
    long all = -1;
    long some = 0;
    for (int level = plan.firstLevels; ; level--) {
      int shift = 3 + 9 * level;
      long at = table + ((iova >>> shift & 0x1ff) << 3);
      long fault = locate(plan, at, level);
      if (fault != 0) {
        return fault;
      }
      long entry = memory.load(entryRun, entryAt);
      if ((entry & PRESENT) == 0) {
        return Translation.fault(FaultCode.SFS_2, 1, level);
      }
      all &= entry;
      some |= entry;
      if (level == 1 || (entry & PAGE) != 0) {
        if ((entry & plan.firstPage[level]) != 0) {
          return Translation.fault(FaultCode.SFS_3, 1, level);
        }
        int granted = FirstStageRights.judge(plan, all, some, need);
        if (granted < 0) {
          return Translation.fault(-granted, 1, level);
        }
        return finish(plan, iova, need, asked, zero, level, at, entry, granted);
      }
      if ((entry & plan.firstTable) != 0) {
        return Translation.fault(FaultCode.SFS_3, 1, level);
      }
      if ((entry & plan.firstUsed) != plan.firstUsed) {
        fault = setTable(plan, at, entry, level);
        if (fault != 0) {
          return fault;
        }
      }
      table = entry & ADDRESS;
    }
  }

  /**
   * Finds an entry in memory, through the second stage if it is on.
   *
   * @return 0, a packed fault or LOST
   */
  private long locate(VtdPlan plan, long at, int level) {
    boolean root = level == plan.firstLevels;
    entryAt = at;
    entryRights = Access.ATOMIC;
    if (nested) {
      if (at >>> plan.secondWidth != 0) {
        intermediate = at;
        return Translation.fault(FaultCode.SFS_5, 1, level);
      }
      long answer = second.walk(plan, at, Access.READ, Access.READ);
      if (Translation.isFault(answer)) {
        intermediate = at;
        return Translation.code(answer) == FaultCode.SGN_7
            ? Translation.fault(root ? FaultCode.SFS_6 : FaultCode.SFS_7, 1, level)
            : answer;
      }
      int code = second.commit(plan, false);
      if (code != 0) {
        return secondFlagFault(at, code);
      }
      entryAt = Translation.address(answer);
      entryRights = Translation.rights(answer);
    }
    entryRun = memory.find(entryAt);
    return entryRun < 0 ? Translation.fault(root ? FaultCode.SFS_4 : FaultCode.SFS_1, 1, level) : 0;
  }

  private long secondFlagFault(long address, int code) {
    if (code == SecondStageWalk.LOST) {
      lost = Translation.fault(FaultCode.SSS_6, 2, second.leafLevel());
      lostAddress = address;
      return LOST;
    }
    intermediate = address;
    return Translation.fault(code, 2, second.leafLevel());
  }

  /**
   * Checks a flag update, which is a write; under a second stage it is a write to guest memory.
   *
   * @return 0 if it is allowed, otherwise a packed fault
   */
  private long flagFault(VtdPlan plan, long at, int level) {
    if (plan.updates && (entryRights & Access.WRITE) != 0) {
      return 0;
    }
    intermediate = nested ? at : 0;
    return Translation.fault(plan.updates ? FaultCode.SFS_8 : FaultCode.SFS_9, 1, level);
  }

  private long setTable(VtdPlan plan, long at, long entry, int level) {
    long fault = flagFault(plan, at, level);
    if (fault != 0) {
      return fault;
    }
    int code = nested ? second.commit(plan, true) : 0;
    return code != 0 ? secondFlagFault(at, code) : write(at, entry, level, plan.firstUsed);
  }

  /**
   * Updates flags by compare-and-set.
   *
   * @return 0, LOST or a packed fault
   */
  private long write(long at, long entry, int level, long flags) {
    int outcome = memory.update(entryRun, entryAt, entry, entry | flags);
    if (outcome == GuestMemory.LOST) {
      lost = Translation.fault(FaultCode.SFS_10, 1, level);
      lostAddress = nested ? at : 0;
      return LOST;
    }
    if (outcome == GuestMemory.REFUSED) {
      intermediate = nested ? at : 0;
      return Translation.fault(FaultCode.SFS_10, 1, level);
    }
    return 0;
  }

  private long finish(
      VtdPlan plan,
      long iova,
      int need,
      int asked,
      boolean zero,
      int level,
      long at,
      long entry,
      int granted) {
    int shift = 3 + 9 * level;
    long page = (entry & ADDRESS) >>> shift << shift | iova & (1L << shift) - 1;
    long answer = Translation.ok(page, shift, granted);
    if (nested) {
      answer = throughSecond(plan, page, level, need, asked & granted, zero);
      if (Translation.isFault(answer)) {
        return answer;
      }
    }
    int rights = granted & Translation.rights(answer);
    boolean dirty = (asked & rights & Access.WRITE) != 0;
    if (nested && !plan.updates && second.isCommitDue(plan, dirty)) {
      return secondFlagFault(page, FaultCode.SSS_5);
    }
    long output = Translation.address(answer);
    if (VtdConfig.isInterrupt(output)) {
      return Translation.fault(FaultCode.SGN_8, 0, 0);
    }
    long flags = plan.firstUsed | (dirty ? DIRTY : 0);
    if ((entry & flags) != flags) {
      long fault = setLeaf(plan, at, entry, level, flags);
      if (fault != 0) {
        return fault;
      }
    }
    int code = nested ? second.commit(plan, dirty) : 0;
    if (code != 0) {
      return secondFlagFault(page, code);
    }
    notes.inputSpan(shift);
    counters.addReferences(plan.firstLevels - level + 1);
    return Translation.ok(output, Math.min(shift, Translation.spanLog2(answer)), rights);
  }

  /** Takes the output address of the first stage through the second. */
  private long throughSecond(
      VtdPlan plan, long address, int level, int need, int any, boolean zero) {
    if (address >>> plan.secondWidth != 0) {
      intermediate = address;
      return Translation.fault(FaultCode.SFS_5, 1, level);
    }
    notes.intermediate(address);
    int all = zero ? 0 : plan.secondExecute ? need : need & Access.ATOMIC;
    long answer = second.walk(plan, address, all, zero ? Access.ATOMIC : any);
    if (Translation.isFault(answer)) {
      intermediate = address;
    }
    return answer;
  }

  /**
   * Sets the flags of the first-stage leaf; the second-stage leaf of the final address is set
   * afterwards.
   */
  private long setLeaf(VtdPlan plan, long at, long entry, int level, long flags) {
    long fault = flagFault(plan, at, level);
    if (fault != 0) {
      return fault;
    }
    if (nested && plan.secondFlags) {
      int finalRun = second.leafRun();
      long finalAt = second.leafAt();
      long finalEntry = second.leafEntry();
      int finalLevel = second.leafLevel();
      long answer = second.walk(plan, at, Access.WRITE, Access.WRITE);
      if (Translation.isFault(answer)) {
        intermediate = at;
        return Translation.code(answer) == FaultCode.SGN_6
            ? Translation.fault(FaultCode.SFS_8, 1, level)
            : answer;
      }
      int code = second.commit(plan, true);
      if (code != 0) {
        return secondFlagFault(at, code);
      }
      second.restore(finalRun, finalAt, finalEntry, finalLevel);
    }
    return write(at, entry, level, flags);
  }
}
