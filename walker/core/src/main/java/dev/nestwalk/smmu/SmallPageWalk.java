package dev.nestwalk.smmu;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The most frequent walk of all, written out: pages of one granule whose last tables the structure
 * caches know, so that each stage reads one descriptor. It answers as {@link ShortenedWalk} does,
 * or 0 where that one has to tell.
 *
 * <p>Straight code that calls nothing and never goes back, in which a reason to give up ends it:
 * what the JIT has checked once then holds for all that follows. Many walks are taken a step at a
 * time, so that their loads do not wait for each other.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SmallPageWalk {
  private static final long ADDRESS = Stage1Walk.ADDRESS;
  private static final long NOT_GLOBAL = Stage1Descriptor.NG.mask();
  private static final long PAGE = Stage2Descriptor.AF.mask() | SmoothWalk.TABLE;
  private static final int S2AP_SHIFT = Stage2Descriptor.S2AP0.lo();

  /** AP[2], read-only, comes down to where {@link Access#WRITE} is. */
  private static final int READ_ONLY_SHIFT = Stage1Descriptor.AP2.lo() - 1;

  /** DBM comes down to where {@link Access#WRITE} is. */
  private static final int DBM_SHIFT = Stage1Descriptor.DBM.lo() - 1;

  private final GuestMemory memory;
  private final SmoothWalk smooth;

  // By lane: what the structure cache knows, the descriptor read, the output so far, the rights.
  private final long[] known = new long[CachedPlan.LANES];
  private final long[] entries = new long[CachedPlan.LANES];
  private final long[] outputs = new long[CachedPlan.LANES];
  private final long[] rights = new long[CachedPlan.LANES];

  SmallPageWalk(GuestMemory memory, SmoothWalk smooth) {
    this.memory = memory;
    this.smooth = smooth;
  }

  /**
   * As {@link SmoothWalk#walk}. In one method on purpose: with more than 325 bytes of code the JIT
   * does not inline it, and so shapes it after this format alone.
   */
  long walk(SmmuPlan plan, long iova, int access) {
    if (!plan.smooth) {
      return 0;
    }
    long address = iova;
    long granted = Access.ATOMIC;
    int span = 64;
    if (plan.stage1) {
      Regime regime = SmoothWalk.regime(plan, iova);
      long table = firstTable(regime, iova);
      if (table == 0) {
        return 0;
      }
      long entry = memory.entryOrZero(table & ADDRESS, slot(regime, iova));
      long denied = denied(regime, table, entry);
      if ((entry & (regime.page | regime.beyond)) != regime.page
          || (denied & (access | Access.READ)) != 0) {
        return 0;
      }
      if ((entry & NOT_GLOBAL) == 0) {
        plan.global = true;
      }
      granted &= ~denied;
      granted |= dirtyable(regime, table, entry, plan.dirtyable);
      span = regime.granule;
      address = page(regime, entry, iova);
      plan.intermediate = address;
      plan.inputSpan = span;
    }
    if (plan.stage2) {
      Regime regime = plan.second;
      long table = secondTable(regime, address);
      if (table == 0) {
        return 0;
      }
      long entry = memory.entryOrZero(table & ADDRESS, slot(regime, address));
      long required = (long) access << S2AP_SHIFT | PAGE;
      if ((entry & (required | regime.beyond)) != required) {
        return 0;
      }
      granted &= secondRights(plan, entry);
      span = Math.min(span, regime.granule);
      address = page(regime, entry, address);
    }
    return Translation.ok(address, span & 63, (int) granted);
  }

  /**
   * Several walks side by side; those that lie in another range than the first one are left out. In
   * one method, as the single walk.
   *
   * @param iovas those from {@code from} on, at most {@link CachedPlan#LANES}
   * @param answers at the same places: packed answers, or 0
   */
  void walk(SmmuPlan plan, long[] iovas, long[] answers, int from, int count, int access) {
    for (int lane = 0; lane < count; lane++) {
      outputs[lane] = iovas[from + lane];
      rights[lane] = plan.smooth ? Access.ATOMIC : 0;
    }
    int span = 63;
    if (plan.smooth && plan.stage1) {
      Regime regime = SmoothWalk.regime(plan, iovas[from]);
      span = regime.granule;
      for (int lane = 0; lane < count; lane++) {
        known[lane] = firstTable(regime, outputs[lane]);
      }
      for (int lane = 0; lane < count; lane++) {
        long table = known[lane];
        entries[lane] =
            table == 0 ? 0 : memory.entryOrZero(table & ADDRESS, slot(regime, outputs[lane]));
      }
      long global = 0;
      for (int lane = 0; lane < count; lane++) {
        long table = known[lane];
        long entry = entries[lane];
        long denied = denied(regime, table, entry);
        boolean closed =
            table == 0
                || isClosed(entry, regime.page, regime.beyond)
                || (denied & (access | Access.READ)) != 0;
        long granted = Access.ATOMIC & ~denied;
        granted |= dirtyable(regime, table, entry, plan.dirtyable);
        rights[lane] = closed ? 0 : granted;
        outputs[lane] = page(regime, entry, outputs[lane]);
        global |= closed ? 0 : ~entry & NOT_GLOBAL;
      }
      plan.global |= global != 0;
    }
    if (plan.smooth && plan.stage2) {
      Regime regime = plan.second;
      span = Math.min(span, regime.granule);
      for (int lane = 0; lane < count; lane++) {
        known[lane] = rights[lane] == 0 ? 0 : secondTable(regime, outputs[lane]);
      }
      for (int lane = 0; lane < count; lane++) {
        long table = known[lane];
        entries[lane] =
            table == 0 ? 0 : memory.entryOrZero(table & ADDRESS, slot(regime, outputs[lane]));
      }
      long required = (long) access << S2AP_SHIFT | PAGE;
      for (int lane = 0; lane < count; lane++) {
        long entry = entries[lane];
        boolean closed = known[lane] == 0 || isClosed(entry, required, regime.beyond);
        rights[lane] = closed ? 0 : rights[lane] & secondRights(plan, entry);
        outputs[lane] = page(regime, entry, outputs[lane]);
      }
    }
    for (int lane = 0; lane < count; lane++) {
      long answer = Translation.ok(outputs[lane], span, (int) rights[lane]);
      answers[from + lane] = rights[lane] == 0 ? 0 : answer;
    }
  }

  /** Offset of the descriptor that maps a page, in the last table. */
  private static long slot(Regime regime, long address) {
    return (address >>> regime.granule & (1L << regime.stride) - 1) << 3;
  }

  /** What is known of the last stage 1 table, or 0. */
  private static long firstTable(Regime regime, long iova) {
    int ignored = regime.ignored;
    boolean inside = iova << ignored >> ignored >> regime.inputBits == regime.prefix;
    return inside ? regime.lastTables.find(iova) : 0;
  }

  /** What is known of the last stage 2 table, or 0. */
  private long secondTable(Regime regime, long address) {
    boolean inside = smooth.isIntermediate(address) && address >>> regime.inputBits == 0;
    return inside ? regime.lastTables.find(address) : 0;
  }

  /** Bit 0: nobody unprivileged may have the page; bit 1, {@link Access#WRITE}: it is read-only. */
  private static long denied(Regime regime, long table, long entry) {
    return Stage1Walk.limits(table) & regime.limits | readOnly(entry);
  }

  /** The right to write where a write would but have to clear AP[2]. */
  private static long dirtyable(Regime regime, long table, long entry, long right) {
    return dirtyable(entry, right) & ~(Stage1Walk.limits(table) & regime.limits);
  }

  /** AP[2] as {@link Access#WRITE}. */
  static long readOnly(long entry) {
    return entry >>> READ_ONLY_SHIFT & Access.WRITE;
  }

  /** DBM as {@link Access#WRITE}, if that is the right it may give. */
  static long dirtyable(long entry, long right) {
    return entry >>> DBM_SHIFT & right;
  }

  /** What a stage 2 page grants. */
  static long secondRights(SmmuPlan plan, long entry) {
    return entry >>> S2AP_SHIFT & Access.ATOMIC | dirtyable(entry, plan.secondDirtyable);
  }

  private static long page(Regime regime, long entry, long address) {
    return entry & regime.tables | address & (1L << regime.granule) - 1;
  }

  /** Whether a bit is missing that has to be set, or one is set that has to be clear. */
  private static boolean isClosed(long entry, long set, long clear) {
    return (entry & (set | clear)) != set;
  }
}
