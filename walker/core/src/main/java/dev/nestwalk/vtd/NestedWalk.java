package dev.nestwalk.vtd;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.WalkNotes;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The first stage over the second (VT-d 3.8): each first-stage table address, and the address that
 * comes out, is guest-physical and passes the second stage. With F and S levels that makes F * (S +
 * 1) + S reads.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class NestedWalk {
  private static final long LOST = FirstStageWalk.LOST;

  private final GuestMemory memory;
  private final SecondStageWalk second;
  private final int leafLevels;
  private final WalkNotes notes;
  private final CacheCounters counters;

  /** Guest-physical address at fault, 0 if the fault concerns none. */
  private long intermediate;

  // The first-stage entry at hand.
  private long entryAt;
  private int entryRun;
  private int entryRights;

  // The refusal that a lost update becomes if it is lost time and again.
  private long lost;
  private long lostAddress;

  NestedWalk(
      VtdConfig config,
      GuestMemory memory,
      SecondStageWalk second,
      WalkNotes notes,
      CacheCounters counters) {
    this.notes = notes;
    this.memory = memory;
    this.counters = counters;
    this.second = second;
    leafLevels = config.unit.firstStageLeafLevels();
  }

  /** Guest-physical address at fault of the last walk, 0 if its fault concerns none. */
  long intermediate() {
    return intermediate;
  }

  /** Forgets the last fault. */
  void reset() {
    intermediate = 0;
  }

  /**
   * Walks.
   *
   * @param need rights that must all be granted
   * @param asked read and write as the request has them
   * @param zero a zero-length read, which either right satisfies in the second stage
   */
  long walk(VtdPlan plan, long iova, int need, int asked, boolean zero) {
    if (FirstStageWalk.isNotCanonical(iova, plan.firstLevels)) {
      return Translation.fault(FaultCode.SGN_1, 1, 0);
    }
    // A lost flag update starts over: flags only get set, so the next round has less to do.
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
      long guest = table + ((iova >>> shift & 0x1ff) << 3);
      long fault = locate(plan, guest, level);
      if (fault != 0) {
        return fault;
      }
      long entry = memory.load(entryRun, entryAt);
      if ((entry & FirstStageWalk.PRESENT) == 0) {
        return Translation.fault(FaultCode.SFS_2, 1, level);
      }
      all &= entry;
      some |= entry;
      if (FirstStageWalk.isLeaf(entry, level, leafLevels)) {
        if ((entry & plan.firstLeaf[level]) != 0) {
          return Translation.fault(FaultCode.SFS_3, 1, level);
        }
        int granted = FirstStageRights.judge(plan, all, some, need, asked);
        if (granted < 0) {
          return Translation.fault(-granted, 1, level);
        }
        return finish(plan, iova, need, asked, zero, level, guest, entry, granted);
      }
      if ((entry & plan.firstTable[level]) != 0) {
        return Translation.fault(FaultCode.SFS_3, 1, level);
      }
      if ((entry & plan.firstUsed) != plan.firstUsed) {
        fault = setNonLeaf(plan, guest, entry, level);
        if (fault != 0) {
          return fault;
        }
      }
      table = entry & FirstStageWalk.ADDRESS;
    }
  }

  /** Takes a first-stage table address through the second stage: 0, a fault or LOST. */
  private long locate(VtdPlan plan, long guest, int level) {
    if (guest >>> plan.secondWidth != 0) {
      intermediate = guest;
      return Translation.fault(FaultCode.SFS_5, 1, level);
    }
    long answer = second.walk(plan, guest, Access.READ, Access.READ);
    if (Translation.isFault(answer)) {
      intermediate = guest;
      boolean root = level == plan.firstLevels;
      return Translation.code(answer) == FaultCode.SGN_7
          ? Translation.fault(root ? FaultCode.SFS_6 : FaultCode.SFS_7, 1, level)
          : answer;
    }
    int code = second.commit(plan, false);
    if (code != 0) {
      return secondFlagFault(guest, code);
    }
    entryAt = Translation.address(answer);
    entryRights = Translation.rights(answer);
    entryRun = memory.find(entryAt);
    if (entryRun < 0) {
      return Translation.fault(
          level == plan.firstLevels ? FaultCode.SFS_4 : FaultCode.SFS_1, 1, level);
    }
    return 0;
  }

  private long secondFlagFault(long guest, int code) {
    if (code == SecondStageWalk.LOST) {
      lost = Translation.fault(FaultCode.SSS_6, 2, second.leafLevel());
      lostAddress = guest;
      return LOST;
    }
    intermediate = guest;
    return Translation.fault(code, 2, second.leafLevel());
  }

  /** A flag update is a write to guest memory: refused, allowed (0). */
  private long flagFault(VtdPlan plan, long guest, int level) {
    if (plan.updates && (entryRights & Access.WRITE) != 0) {
      return 0;
    }
    intermediate = guest;
    return Translation.fault(plan.updates ? FaultCode.SFS_8 : FaultCode.SFS_9, 1, level);
  }

  private long setNonLeaf(VtdPlan plan, long guest, long entry, int level) {
    long fault = flagFault(plan, guest, level);
    if (fault != 0) {
      return fault;
    }
    int code = second.commit(plan, true);
    if (code != 0) {
      return secondFlagFault(guest, code);
    }
    return write(guest, entry, level, plan.firstUsed);
  }

  private long write(long guest, long entry, int level, long flags) {
    long fault = FirstStageWalk.write(memory, entryRun, entryAt, entry, level, flags);
    if (fault == LOST) {
      lost = Translation.fault(FaultCode.SFS_10, 1, level);
      lostAddress = guest;
    } else if (fault != 0) {
      intermediate = guest;
    }
    return fault;
  }

  private long finish(
      VtdPlan plan,
      long iova,
      int need,
      int asked,
      boolean zero,
      int level,
      long guest,
      long entry,
      int granted) {
    int shift = 3 + 9 * level;
    long address = (entry & FirstStageWalk.ADDRESS) >>> shift << shift | iova & (1L << shift) - 1;
    if (address >>> plan.secondWidth != 0) {
      intermediate = address;
      return Translation.fault(FaultCode.SFS_5, 1, level);
    }
    notes.intermediate(address);
    int all = zero ? 0 : plan.secondExecute ? need : need & Access.ATOMIC;
    int any = zero ? Access.ATOMIC : asked & granted;
    long answer = second.walk(plan, address, all, any);
    if (Translation.isFault(answer)) {
      intermediate = address;
      return answer;
    }
    int rights = granted & Translation.rights(answer);
    boolean dirty = (asked & rights & Access.WRITE) != 0;
    if (!plan.updates && second.isCommitDue(plan, dirty)) {
      return secondFlagFault(address, FaultCode.SSS_5);
    }
    long output = Translation.address(answer);
    if (VtdConfig.isInterrupt(output)) {
      return Translation.fault(FaultCode.SGN_8, 0, 0);
    }
    long flags = plan.firstUsed | (dirty ? FirstStageWalk.DIRTY : 0);
    if ((entry & flags) != flags) {
      long fault = setLeaf(plan, guest, entry, level, flags);
      if (fault != 0) {
        return fault;
      }
    }
    int code = second.commit(plan, dirty);
    if (code != 0) {
      return secondFlagFault(address, code);
    }
    notes.inputSpan(shift);
    counters.addReferences(plan.firstLevels - level + 1);
    int span = Math.min(shift, Translation.spanLog2(answer));
    return Translation.ok(output, span, rights);
  }

  /** The first-stage leaf's flags, while the second-stage leaf of the final address waits. */
  private long setLeaf(VtdPlan plan, long guest, long entry, int level, long flags) {
    long fault = flagFault(plan, guest, level);
    if (fault != 0) {
      return fault;
    }
    if (plan.secondFlags) {
      int finalRun = second.leafRun();
      long finalAt = second.leafAt();
      long finalEntry = second.leafEntry();
      int finalLevel = second.leafLevel();
      long answer = second.walk(plan, guest, Access.WRITE, Access.WRITE);
      if (Translation.isFault(answer)) {
        intermediate = guest;
        return Translation.code(answer) == FaultCode.SGN_6
            ? Translation.fault(FaultCode.SFS_8, 1, level)
            : answer;
      }
      int code = second.commit(plan, true);
      if (code != 0) {
        return secondFlagFault(guest, code);
      }
      second.restore(finalRun, finalAt, finalEntry, finalLevel);
    }
    return write(guest, entry, level, flags);
  }
}
