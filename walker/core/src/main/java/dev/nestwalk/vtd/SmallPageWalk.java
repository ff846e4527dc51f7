package dev.nestwalk.vtd;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The most frequent walk of all, written out: small pages whose last tables the structure caches
 * know (VT-d 6.2.5), so that each stage reads one entry. It answers as {@link ShortenedWalk} does,
 * or 0 where that one has to tell.
 *
 * <p>Straight code that calls nothing and never goes back, in which a reason to give up ends it:
 * what the JIT has checked once then holds for all that follows. Many walks are taken a step at a
 * time, so that their loads do not wait for each other.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SmallPageWalk {
  private static final long ADDRESS = SmoothWalk.ADDRESS;
  private static final int INDEX = SmoothWalk.INDEX;
  private static final long WITHIN = 0xfff;

  /** Log2 of the size of a small page. */
  static final int PAGE = 12;

  /** Log2 of what a last table maps. */
  static final int TABLE = 21;

  private final GuestMemory memory;

  // By lane: what the structure cache knows, the entry read, the answer of the first stage.
  private final long[] known = new long[CachedPlan.LANES];
  private final long[] entries = new long[CachedPlan.LANES];
  private final long[] pages = new long[CachedPlan.LANES];

  SmallPageWalk(GuestMemory memory) {
    this.memory = memory;
  }

  /**
   * As {@link SmoothWalk#walk}. In one method with little left to others: with more than 325 bytes
   * of code the JIT does not inline it, and so shapes it after this format alone.
   */
  long walk(VtdPlan plan, long iova, int access) {
    boolean writes = (access & Access.WRITE) != 0;
    long address = iova;
    long rights = Access.ATOMIC;
    if (plan.usesFirst) {
      int unused = plan.firstUnused;
      if (iova << unused >> unused != iova) {
        return 0;
      }
      long table = plan.firstTables.find(iova);
      if (table == 0) {
        return 0;
      }
      long entry = memory.entryOrZero(table & ADDRESS, iova >>> PAGE - 3 & INDEX);
      entry &= table >>> PartialWalk.RIGHTS_SHIFT | ~PartialWalk.RIGHTS;
      long required = writes ? plan.firstWrites : plan.firstReads;
      if ((entry & (required | plan.firstSmall)) != required) {
        return 0;
      }
      rights = plan.firstPermits | entry & Access.WRITE;
      address = entry & ADDRESS | iova & WITHIN;
      plan.intermediate = address;
      plan.inputSpan = PAGE;
    }
    if (plan.usesSecond) {
      if (address >>> plan.secondWidth != 0) {
        return 0;
      }
      long table = plan.secondTables.find(address);
      if (table == 0) {
        return 0;
      }
      long entry = memory.entryOrZero(table & ADDRESS, address >>> PAGE - 3 & INDEX);
      entry &= table >>> SecondStageWalk.RIGHTS_SHIFT | ~Access.ATOMIC;
      long required = access | (writes ? plan.secondWrites : plan.secondReads);
      if ((entry & (required | plan.secondSmall)) != required) {
        return 0;
      }
      rights &= entry;
      address = entry & ADDRESS | iova & WITHIN;
    } else if (!plan.usesFirst) {
      return 0;
    }
    if (VtdConfig.isInterrupt(iova) || VtdConfig.isInterrupt(address)) {
      return 0;
    }
    return Translation.ok(address, PAGE, (int) rights & Access.ATOMIC);
  }

  /**
   * Several walks side by side.
   *
   * @param iovas those from {@code from} on, at most {@link CachedPlan#LANES}
   * @param answers at the same places: packed answers, or 0
   */
  void walk(VtdPlan plan, long[] iovas, long[] answers, int from, int count, int access) {
    boolean translates = plan.usesFirst || plan.usesSecond;
    for (int lane = 0; lane < count; lane++) {
      pages[lane] = translates ? iovas[from + lane] & ~WITHIN | Access.ATOMIC : 0;
    }
    if (plan.usesFirst) {
      for (int lane = 0; lane < count; lane++) {
        known[lane] = firstTable(plan, iovas[from + lane]);
      }
      load(iovas, from, count);
      long required = firstRequired(plan, access);
      for (int lane = 0; lane < count; lane++) {
        long entry = firstRights(known[lane]) & entries[lane];
        long page = entry & ADDRESS | plan.firstPermits | entry & Access.WRITE;
        boolean closed = known[lane] == 0 || isClosed(entry, required, plan.firstSmall);
        pages[lane] = closed ? 0 : page;
      }
    }
    if (plan.usesSecond) {
      for (int lane = 0; lane < count; lane++) {
        known[lane] = pages[lane] == 0 ? 0 : secondTable(plan, pages[lane]);
      }
      load(pages, 0, count);
      long required = secondRequired(plan, access);
      for (int lane = 0; lane < count; lane++) {
        long entry = secondRights(known[lane]) & entries[lane];
        long page = entry & ADDRESS | pages[lane] & entry & Access.ATOMIC;
        boolean closed = known[lane] == 0 || isClosed(entry, required, plan.secondSmall);
        pages[lane] = closed ? 0 : page;
      }
    }
    for (int lane = 0; lane < count; lane++) {
      long iova = iovas[from + lane];
      long address = pages[lane] & ADDRESS | iova & WITHIN;
      long answer = Translation.ok(address, PAGE, (int) pages[lane] & Access.ATOMIC);
      boolean barred = VtdConfig.isInterrupt(iova) || VtdConfig.isInterrupt(address);
      answers[from + lane] = pages[lane] == 0 || barred ? 0 : answer;
    }
  }

  /**
   * Loads alone: many of them fit into the processor's window. None where there is no table: one
   * entry outside memory, and the JIT would check the segment at every later read anew.
   */
  private void load(long[] addresses, int from, int count) {
    for (int lane = 0; lane < count; lane++) {
      long table = known[lane];
      entries[lane] =
          table == 0 ? 0 : memory.entryOrZero(table & ADDRESS, slot(addresses[from + lane]));
    }
  }

  /** Offset of the entry that maps a small page, in the last table. */
  private static long slot(long address) {
    return address >>> PAGE - 3 & SmoothWalk.INDEX;
  }

  /** What is known of the last first-stage table, or 0. */
  private static long firstTable(VtdPlan plan, long iova) {
    int unused = plan.firstUnused;
    return iova << unused >> unused != iova ? 0 : plan.firstTables.find(iova);
  }

  /** What is known of the last second-stage table, or 0. */
  private static long secondTable(VtdPlan plan, long address) {
    return address >>> plan.secondWidth != 0 ? 0 : plan.secondTables.find(address);
  }

  /** What entries above leave of a last first-stage entry: all but rights that they lack. */
  private static long firstRights(long table) {
    return table >>> PartialWalk.RIGHTS_SHIFT | ~PartialWalk.RIGHTS;
  }

  /** What entries above leave of a last second-stage entry. */
  private static long secondRights(long table) {
    return table >>> SecondStageWalk.RIGHTS_SHIFT | ~Access.ATOMIC;
  }

  private static long firstRequired(VtdPlan plan, int access) {
    return (access & Access.WRITE) == 0 ? plan.firstReads : plan.firstWrites;
  }

  private static long secondRequired(VtdPlan plan, int access) {
    return access | ((access & Access.WRITE) == 0 ? plan.secondReads : plan.secondWrites);
  }

  /** Whether a bit is missing that has to be set, or one is set that has to be clear. */
  private static boolean isClosed(long entry, long set, long clear) {
    return (entry & (set | clear)) != set;
  }
}
