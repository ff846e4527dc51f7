package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The walk where nothing stands in its way: every entry present and legal, with the rights asked
 * for and all flags set, in the largest run of memory. Anything else gives 0, and the walkers that
 * know every rule tell what it is; nothing is counted or written.
 *
 * <p>The rules of a level come as two masks (bits to be set, bits to be clear), so that a level is
 * one load, one compare and one shift, and the JIT keeps all of it in registers. Entries are read
 * plainly, each once: what makes a walk read anew is the acquire read at the start of its
 * translation.
 *
 * <p>Threads: any.
 */
final class SmoothWalk {
  static final long ADDRESS = SecondStageEntry.ADDR.mask();
  private static final long PAGE = SecondStageEntry.PS.mask();
  private static final long WRITABLE = FirstStageEntry.RW.mask();
  private static final long USER = FirstStageEntry.US.mask();
  private static final long FIRST_DIRTY = FirstStageEntry.D.mask();
  private static final long ACCESSED = SecondStageEntry.A.mask();
  private static final long DIRTY = SecondStageEntry.D.mask();

  /** A table index, times the size of an entry. */
  static final int INDEX = 0xff8;

  private final GuestMemory memory;

  SmoothWalk(GuestMemory memory) {
    this.memory = memory;
  }

  /**
   * Walks from the root tables.
   *
   * @param access read, write or both
   * @return a packed answer, or 0
   */
  long walk(VtdPlan plan, long iova, int access) {
    long answer =
        switch (plan.kind) {
          case VtdPlan.SECOND -> secondAlone(plan, iova, access);
          case VtdPlan.NESTED -> nested(plan, iova, access);
          case VtdPlan.FIRST -> firstFrom(plan, plan.firstRoot, top(plan), -1, iova, access);
          default -> 0;
        };
    return settled(plan, iova, answer);
  }

  /** The answer, or 0 where the interrupt range has a say. */
  static long settled(VtdPlan plan, long iova, long answer) {
    // Blocks are of 1 GiB at most, so from 4 GiB on none reaches down to the range.
    if (iova >>> 32 != 0 && Translation.address(answer) >>> 32 != 0) {
      return answer;
    }
    int span = Math.max(20, Translation.spanLog2(answer));
    boolean meetsInterrupt =
        VtdConfig.touchesInterrupt(Translation.address(answer), span)
            || plan.plain && VtdConfig.touchesInterrupt(iova, span);
    return meetsInterrupt ? 0 : answer;
  }

  /** Shift of the index into the first stage's root table. */
  static int top(VtdPlan plan) {
    return 3 + 9 * plan.firstLevels;
  }

  /**
   * The same from the root on, for the nested walk: a loop of its own, since the JIT would shape a
   * shared one after the short walks from known tables.
   */
  private long second(VtdPlan plan, long address, int access) {
    if (address >>> plan.secondWidth != 0) {
      return 0;
    }
    long required = secondRequired(plan, access);
    long rules = required | plan.secondIllegal;
    long table = plan.secondRoot;
    long granted = Access.ATOMIC;
    int shift = 3 + 9 * plan.secondLevels;
    long entry;
    while (true) {
      entry = memory.entryOrZero(table, address >>> shift - 3 & INDEX);
      granted &= entry;
      if (shift == 12 || (entry & rules) != required) {
        break;
      }
      table = entry & ADDRESS;
      shift -= 9;
    }
    return secondPage(plan, entry, shift, granted, address, access);
  }

  /**
   * Through the second stage from its root on, level by level written out: with constant shifts and
   * without a loop's safepoint polls a walk has a fifth fewer instructions.
   */
  private long secondAlone(VtdPlan plan, long address, int access) {
    if (address >>> plan.secondWidth != 0) {
      return 0;
    }
    long required = secondRequired(plan, access);
    long rules = required | plan.secondIllegal;
    long table = plan.secondRoot;
    long granted = Access.ATOMIC;
    int levels = plan.secondLevels;
    if (levels > 3) {
      if (levels > 4) {
        long entry = memory.entryOrZero(table, address >>> 45 & INDEX);
        granted &= entry;
        table = entry & ADDRESS;
        if ((entry & rules) != required) {
          return 0;
        }
      }
      long entry = memory.entryOrZero(table, address >>> 36 & INDEX);
      granted &= entry;
      table = entry & ADDRESS;
      if ((entry & rules) != required) {
        return 0;
      }
    }
    long entry = memory.entryOrZero(table, address >>> 27 & INDEX);
    granted &= entry;
    if ((entry & rules) != required) {
      return secondPage(plan, entry, 30, granted, address, access);
    }
    entry = memory.entryOrZero(entry & ADDRESS, address >>> 18 & INDEX);
    granted &= entry;
    if ((entry & rules) != required) {
      return secondPage(plan, entry, 21, granted, address, access);
    }
    entry = memory.entryOrZero(entry & ADDRESS, address >>> 9 & INDEX);
    return secondPage(plan, entry, 12, granted & entry, address, access);
  }

  /**
   * Through the second stage from a table on.
   *
   * @param top shift of the index into the table
   * @param above rights that the entries above grant
   */
  long secondFrom(VtdPlan plan, long root, int top, long above, long address, int access) {
    if (address >>> plan.secondWidth != 0) {
      return 0;
    }
    long required = secondRequired(plan, access);
    long illegal = plan.secondIllegal;
    long table = root;
    long granted = above & Access.ATOMIC;
    int shift = top;
    long entry;
    while (true) {
      entry = memory.entryOrZero(table, address >>> shift - 3 & INDEX);
      granted &= entry;
      if (shift == 12 || (entry & (required | illegal)) != required) {
        break;
      }
      table = entry & ADDRESS;
      shift -= 9;
    }
    return secondPage(plan, entry, shift, granted, address, access);
  }

  /** What a second-stage page gives. */
  static long secondPage(
      VtdPlan plan, long entry, int shift, long granted, long address, int access) {
    if (shift != 12 && (entry & PAGE) == 0) {
      return 0;
    }
    long required = secondRequired(plan, access);
    required |= plan.secondFlags && (access & Access.WRITE) != 0 ? DIRTY : 0;
    long clear = shift == 12 ? plan.secondSmall : plan.secondPage[(shift - 3) / 9];
    if ((entry & (required | clear)) != required) {
      return 0;
    }
    long page = (entry & ADDRESS) >>> shift << shift;
    return Translation.ok(page | address & (1L << shift) - 1, shift, (int) granted);
  }

  /** Bits that every second-stage entry of the walk has. */
  static long secondRequired(VtdPlan plan, int access) {
    return access | (plan.secondFlags ? ACCESSED : 0);
  }

  /** Several addresses through the second stage alone, in a loop that calls nothing. */
  void second(
      VtdPlan plan, long[] iovas, long[] answers, int from, int[] spans, int count, int access) {
    for (int i = 0; i < count; i++) {
      long answer = settled(plan, iovas[from + i], secondAlone(plan, iovas[from + i], access));
      answers[from + i] = answer;
      spans[i] = Translation.spanLog2(answer);
    }
  }

  /** Bits that every first-stage entry of the walk has. */
  static long required(VtdPlan plan) {
    return FirstStageWalk.PRESENT | plan.firstUsed | (plan.privileged ? 0 : USER);
  }

  private long nested(VtdPlan plan, long iova, int access) {
    if (FirstStageWalk.isNotCanonical(iova, plan.firstLevels)) {
      return 0;
    }
    long required = required(plan);
    long rules = required | plan.firstIllegal;
    long all = -1;
    int shift = top(plan);
    long table = plan.firstRoot;
    long entry;
    while (true) {
      entry = entryBelow(plan, table, iova >>> shift - 3 & INDEX);
      all &= entry;
      if (shift == 12 || (entry & rules) != required) {
        break;
      }
      table = entry & ADDRESS;
      shift -= 9;
    }
    long page = page(plan, entry, shift, all, iova, access);
    if (page == 0) {
      return 0;
    }
    long address = Translation.address(page);
    long host = second(plan, address, access);
    if (host == 0) {
      return 0;
    }
    plan.inputSpan = Translation.spanLog2(page);
    plan.intermediate = address;
    return both(page, host);
  }

  /**
   * An entry of a first-stage table that lies behind the second stage, or 0. Between the second
   * stage's last entry and this one there is but a sum.
   *
   * @param of intermediate address of the table
   */
  private long entryBelow(VtdPlan plan, long of, long index) {
    if (of >>> plan.secondWidth != 0) {
      return 0;
    }
    long required = secondRequired(plan, Access.READ);
    long rules = required | plan.secondIllegal;
    long table = plan.secondRoot;
    int shift = 3 + 9 * plan.secondLevels;
    long entry;
    while (true) {
      entry = memory.entryOrZero(table, of >>> shift - 3 & INDEX);
      if (shift == 12 || (entry & rules) != required) {
        break;
      }
      table = entry & ADDRESS;
      shift -= 9;
    }
    if (shift == 12) {
      boolean legal = (entry & (required | plan.secondSmall)) == required;
      return legal ? memory.entryOrZero(entry & ADDRESS, index) : 0;
    }
    boolean legal = (entry & (required | plan.secondPage[(shift - 3) / 9])) == required;
    long within = of & (1L << shift) - 1;
    return legal && (entry & PAGE) != 0
        ? memory.entryOrZero((entry & ADDRESS) >>> shift << shift, within | index)
        : 0;
  }

  /** The answer of both stages. */
  static long both(long first, long second) {
    return Translation.ok(
        Translation.address(second),
        Math.min(Translation.spanLog2(first), Translation.spanLog2(second)),
        Translation.rights(first & second));
  }

  /** Through the first stage alone, from a table on. */
  long firstFrom(VtdPlan plan, long root, int top, long above, long iova, int access) {
    if (FirstStageWalk.isNotCanonical(iova, plan.firstLevels)) {
      return 0;
    }
    long required = required(plan);
    long illegal = plan.firstIllegal;
    long table = root;
    long all = above;
    int shift = top;
    while (true) {
      long entry = memory.entryOrZero(table, iova >>> shift - 3 & INDEX);
      all &= entry;
      if (shift == 12 || (entry & (required | illegal)) != required) {
        return page(plan, entry, shift, all, iova, access);
      }
      table = entry & ADDRESS;
      shift -= 9;
    }
  }

  /**
   * What a first-stage page gives.
   *
   * @param all AND of the walk's entries
   */
  static long page(VtdPlan plan, long entry, int shift, long all, long iova, int access) {
    boolean writes = (access & Access.WRITE) != 0;
    boolean writable = (all & WRITABLE) != 0 || plan.privileged && !plan.writeProtect;
    long required = required(plan) | (writes ? FIRST_DIRTY : 0);
    long clear = shift == 12 ? plan.firstSmall : plan.firstPage[(shift - 3) / 9];
    boolean legal = (entry & (required | clear)) == required;
    if (!legal || shift != 12 && (entry & PAGE) == 0 || writes && !writable) {
      return 0;
    }
    long page = (entry & ADDRESS) >>> shift << shift | iova & (1L << shift) - 1;
    return Translation.ok(page, shift, writable ? Access.ATOMIC : Access.READ);
  }
}
