package dev.nestwalk.vtd;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.StructureCache;
import dev.nestwalk.cache.StructureCaches;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/**
 * The most frequent walk of all, written out: small pages whose last tables the structure caches
 * know (VT-d 6.2.5), so that each stage reads one entry. It answers as {@link ShortenedWalk} does,
 * or 0 where that one has to tell.
 *
 * <p>Straight code that calls nothing and never goes back: the JIT then loads each field once. Many
 * walks are taken a step at a time, so that their loads do not wait for each other.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SmallPageWalk {
  private static final long ADDRESS = SmoothWalk.ADDRESS;
  private static final long WRITABLE = FirstStageEntry.RW.mask();
  private static final long USER = FirstStageEntry.US.mask();
  private static final long FIRST_DIRTY = FirstStageEntry.D.mask();
  private static final long SECOND_DIRTY = SecondStageEntry.D.mask();

  /** Log2 of the size of a small page. */
  static final int PAGE = 12;

  private static final int TABLE = 21;

  private final GuestMemory memory;
  private final @Nullable StructureCache firstTables;
  private final @Nullable StructureCache secondTables;

  // By lane: what the structure cache knows, the entry read, the answer of the first stage.
  private final long[] known = new long[CachedPlan.LANES];
  private final long[] entries = new long[CachedPlan.LANES];
  private final long[] pages = new long[CachedPlan.LANES];

  SmallPageWalk(GuestMemory memory, StructureCaches caches) {
    this.memory = memory;
    firstTables = caches.first;
    secondTables = caches.second;
  }

  /** As {@link SmoothWalk#walk}. */
  long walk(VtdPlan plan, long iova, int access) {
    long first = Translation.ok(0, PAGE, Access.ATOMIC);
    long address = iova;
    if (plan.usesFirst) {
      long table = firstTable(plan, iova);
      long entry = table == 0 ? 0 : memory.entryOrZero(table & ADDRESS, slot(iova));
      first = firstPage(plan, table, entry, iova, access);
      if (first == 0) {
        return 0;
      }
      address = Translation.address(first);
      plan.intermediate = address;
      plan.inputSpan = PAGE;
    }
    if (!plan.usesSecond) {
      return settled(iova, first);
    }
    long table = secondTable(plan, address, access);
    long entry = table == 0 ? 0 : memory.entryOrZero(table & ADDRESS, slot(address));
    long second = secondPage(plan, table, entry, address, access);
    plan.inputSpan = PAGE;
    return second == 0 ? 0 : settled(iova, both(first, second));
  }

  /**
   * Several walks side by side.
   *
   * @param iovas those from {@code from} on, at most {@link CachedPlan#LANES}
   * @param answers at the same places: packed answers, or 0
   */
  void walk(VtdPlan plan, long[] iovas, long[] answers, int from, int count, int access) {
    if (plan.usesFirst) {
      for (int lane = 0; lane < count; lane++) {
        known[lane] = firstTable(plan, iovas[from + lane]);
      }
      for (int lane = 0; lane < count; lane++) {
        entries[lane] = memory.entryOrZero(known[lane] & ADDRESS, slot(iovas[from + lane]));
      }
      for (int lane = 0; lane < count; lane++) {
        pages[lane] = firstPage(plan, known[lane], entries[lane], iovas[from + lane], access);
      }
    } else {
      for (int lane = 0; lane < count; lane++) {
        pages[lane] = Translation.ok(0, PAGE, Access.ATOMIC);
      }
    }
    if (!plan.usesSecond) {
      for (int lane = 0; lane < count; lane++) {
        answers[from + lane] = settled(iovas[from + lane], pages[lane]);
      }
      return;
    }
    boolean nested = plan.usesFirst;
    for (int lane = 0; lane < count; lane++) {
      long address = nested ? Translation.address(pages[lane]) : iovas[from + lane];
      known[lane] = secondTable(plan, address, access);
    }
    for (int lane = 0; lane < count; lane++) {
      long address = nested ? Translation.address(pages[lane]) : iovas[from + lane];
      entries[lane] = memory.entryOrZero(known[lane] & ADDRESS, slot(address));
    }
    for (int lane = 0; lane < count; lane++) {
      long iova = iovas[from + lane];
      long address = nested ? Translation.address(pages[lane]) : iova;
      long second = secondPage(plan, known[lane], entries[lane], address, access);
      boolean found = second != 0 && pages[lane] != 0;
      answers[from + lane] = found ? settled(iova, both(pages[lane], second)) : 0;
    }
  }

  /** Offset of the entry that maps a small page, in the last table. */
  private static long slot(long address) {
    return address >>> PAGE - 3 & SmoothWalk.INDEX;
  }

  /** What is known of the last first-stage table, or 0. */
  private long firstTable(VtdPlan plan, long iova) {
    StructureCache cache = firstTables;
    return cache == null || FirstStageWalk.isNotCanonical(iova, plan.firstLevels)
        ? 0
        : cache.find(iova, TABLE, plan.firstTag, 1, 0);
  }

  /** As {@link SmoothWalk#page}. */
  private static long firstPage(VtdPlan plan, long table, long entry, long iova, int access) {
    long all = PartialWalk.all(table) & entry;
    boolean writes = (access & Access.WRITE) != 0;
    boolean writable = (all & WRITABLE) != 0 || plan.writesAnyway;
    long required = plan.firstRequired | (writes ? FIRST_DIRTY : 0);
    boolean open = table != 0 && ((all & USER) != 0 || plan.privileged);
    if ((entry & (required | plan.firstSmall)) != required || !open || writes && !writable) {
      return 0;
    }
    return Translation.ok(
        entry & ADDRESS | iova & 0xfff, PAGE, writable ? Access.ATOMIC : Access.READ);
  }

  /** What is known of the last second-stage table, or 0. */
  private long secondTable(VtdPlan plan, long address, int access) {
    StructureCache cache = secondTables;
    if (cache == null || address >>> plan.secondWidth != 0) {
      return 0;
    }
    long table = cache.find(address, TABLE, plan.secondTag, 1, 0);
    return (table >>> SecondStageWalk.RIGHTS_SHIFT & access) == access ? table : 0;
  }

  /** As {@link SmoothWalk#secondPage}. */
  private static long secondPage(VtdPlan plan, long table, long entry, long address, int access) {
    boolean marks = plan.secondFlags && (access & Access.WRITE) != 0;
    long required = SmoothWalk.secondRequired(plan, access) | (marks ? SECOND_DIRTY : 0);
    if (table == 0 || (entry & (required | plan.secondSmall)) != required) {
      return 0;
    }
    long rights = table >>> SecondStageWalk.RIGHTS_SHIFT & entry & Access.ATOMIC;
    return Translation.ok(entry & ADDRESS | address & 0xfff, PAGE, (int) rights);
  }

  /** The answer of both stages, for pages of equal size. */
  private static long both(long first, long second) {
    return Translation.ok(Translation.address(second), PAGE, Translation.rights(first & second));
  }

  /** The answer, or 0 where the interrupt range, below 4 GiB, may have a say. */
  private static long settled(long iova, long answer) {
    return iova >>> 32 != 0 && Translation.address(answer) >>> 32 != 0 ? answer : 0;
  }
}
