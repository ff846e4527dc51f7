package dev.nestwalk.smmu;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.StructureCache;
import dev.nestwalk.cache.StructureCaches;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/**
 * The most frequent walk of all, written out: pages of one granule whose last tables the structure
 * caches know, so that each stage reads one descriptor. It answers as {@link ShortenedWalk} does,
 * or 0 where that one has to tell.
 *
 * <p>Straight code that calls nothing and never goes back: the JIT then loads each field once. Many
 * walks are taken a step at a time, so that their loads do not wait for each other.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SmallPageWalk {
  private static final long NOTHING = Translation.ok(0, 12, Access.ATOMIC);

  private final GuestMemory memory;
  private final SmoothWalk smooth;
  private final @Nullable StructureCache firstTables;
  private final @Nullable StructureCache secondTables;

  // By lane: what the structure cache knows, the descriptor read, the answer of stage 1.
  private final long[] known = new long[CachedPlan.LANES];
  private final long[] entries = new long[CachedPlan.LANES];
  private final long[] pages = new long[CachedPlan.LANES];

  SmallPageWalk(GuestMemory memory, SmoothWalk smooth, StructureCaches caches) {
    this.memory = memory;
    this.smooth = smooth;
    firstTables = caches.first;
    secondTables = caches.second;
  }

  /** As {@link SmoothWalk#walk}. */
  long walk(SmmuPlan plan, long iova, int access) {
    if (!plan.smooth) {
      return 0;
    }
    long first = NOTHING;
    long address = iova;
    if (plan.stage1) {
      Regime regime = SmoothWalk.regime(plan, iova);
      long table = firstTable(plan, regime, iova);
      long entry =
          table == 0 ? 0 : memory.entryOrZero(table & Stage1Walk.ADDRESS, slot(regime, iova));
      first = firstPage(plan, regime, table, entry, iova, access);
      if (first == 0) {
        return 0;
      }
      address = Translation.address(first);
      plan.inputSpan = regime.granule;
      plan.intermediate = address;
    } else {
      plan.inputSpan = plan.second.granule;
    }
    if (!plan.stage2) {
      return plan.stage1 ? first : 0;
    }
    long table = secondTable(plan, address);
    long entry =
        table == 0 ? 0 : memory.entryOrZero(table & Stage1Walk.ADDRESS, slot(plan.second, address));
    long second = secondPage(plan, table, entry, address, access);
    return second == 0 ? 0 : answer(plan, first, second);
  }

  /**
   * Several walks side by side.
   *
   * @param iovas those from {@code from} on, at most {@link CachedPlan#LANES}
   * @param answers at the same places: packed answers, or 0
   */
  void walk(SmmuPlan plan, long[] iovas, long[] answers, int from, int count, int access) {
    for (int lane = 0; lane < count; lane++) {
      pages[lane] = plan.smooth ? NOTHING : 0;
    }
    if (plan.stage1) {
      for (int lane = 0; lane < count; lane++) {
        long iova = iovas[from + lane];
        known[lane] = plan.smooth ? firstTable(plan, SmoothWalk.regime(plan, iova), iova) : 0;
      }
      for (int lane = 0; lane < count; lane++) {
        long iova = iovas[from + lane];
        Regime regime = SmoothWalk.regime(plan, iova);
        entries[lane] = memory.entryOrZero(known[lane] & Stage1Walk.ADDRESS, slot(regime, iova));
      }
      for (int lane = 0; lane < count; lane++) {
        long iova = iovas[from + lane];
        Regime regime = SmoothWalk.regime(plan, iova);
        pages[lane] = firstPage(plan, regime, known[lane], entries[lane], iova, access);
      }
    }
    if (!plan.stage2) {
      for (int lane = 0; lane < count; lane++) {
        answers[from + lane] = plan.stage1 ? pages[lane] : 0;
      }
      return;
    }
    for (int lane = 0; lane < count; lane++) {
      long address = plan.stage1 ? Translation.address(pages[lane]) : iovas[from + lane];
      known[lane] = pages[lane] == 0 ? 0 : secondTable(plan, address);
    }
    for (int lane = 0; lane < count; lane++) {
      long address = plan.stage1 ? Translation.address(pages[lane]) : iovas[from + lane];
      entries[lane] =
          memory.entryOrZero(known[lane] & Stage1Walk.ADDRESS, slot(plan.second, address));
    }
    for (int lane = 0; lane < count; lane++) {
      long address = plan.stage1 ? Translation.address(pages[lane]) : iovas[from + lane];
      long second = secondPage(plan, known[lane], entries[lane], address, access);
      answers[from + lane] = second == 0 ? 0 : answer(plan, pages[lane], second);
    }
  }

  /** Offset of the descriptor that maps a page, in the last table. */
  private static long slot(Regime regime, long address) {
    return (address >>> regime.granule & (1L << regime.stride) - 1) << 3;
  }

  /** What is known of the last stage 1 table, or 0. */
  private long firstTable(SmmuPlan plan, Regime regime, long iova) {
    StructureCache cache = firstTables;
    return cache == null || regime.start >= 3 || !SmoothWalk.accepts(plan, regime, iova)
        ? 0
        : cache.find(iova, regime.lsb(2), plan.firstTag, 1, 0);
  }

  private static long firstPage(
      SmmuPlan plan, Regime regime, long table, long entry, long iova, int access) {
    long above = Stage1Walk.hierarchy(table);
    return table == 0
        ? 0
        : SmoothWalk.page(plan, regime, entry, regime.granule, above, iova, access);
  }

  /** What is known of the last stage 2 table, or 0. */
  private long secondTable(SmmuPlan plan, long address) {
    Regime regime = plan.second;
    StructureCache cache = secondTables;
    boolean within = smooth.isIntermediate(address) && address >>> regime.inputBits == 0;
    return cache == null || regime.start >= 3 || !within
        ? 0
        : cache.find(address, regime.lsb(2), plan.secondTag, 1, 0);
  }

  private static long secondPage(SmmuPlan plan, long table, long entry, long address, int access) {
    return table == 0
        ? 0
        : SmoothWalk.secondPage(plan, entry, plan.second.granule, address, access);
  }

  private static long answer(SmmuPlan plan, long first, long second) {
    return plan.stage1 ? SmoothWalk.both(first, second) : second;
  }
}
