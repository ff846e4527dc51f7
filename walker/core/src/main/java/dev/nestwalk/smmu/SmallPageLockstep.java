package dev.nestwalk.smmu;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The {@link LockstepWalk} of pages that nothing stands in the way of: no lane decides anything, so
 * a level is a loop of a dozen instructions, and the loads of all lanes are under way at once. What
 * a rule would refuse is only collected, and then all lanes have to be walked with care.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SmallPageLockstep {
  private static final long TABLE = SmoothWalk.TABLE;
  private static final long PAGE = Stage2Descriptor.AF.mask() | TABLE;
  private static final long NOT_GLOBAL = Stage1Descriptor.NG.mask();
  private static final int S2AP_SHIFT = Stage2Descriptor.S2AP0.lo();

  /** APTable of a table descriptor comes down to the lowest two bits. */
  private static final int LIMITS_SHIFT = Stage1Descriptor.APTABLE.lo();

  /** After a batch that needed care, so many are not tried here. */
  private static final int PATIENCE = 15;

  private final GuestMemory memory;
  private final SmoothWalk smooth;

  // By lane: the input address inside its range; the stage 1 table that is next; the address that
  // stage 2 takes, and the page behind it; the descriptor read last; what those above say; rights.
  private final long[] inputs = new long[CachedPlan.LANES];
  private final long[] addresses = new long[CachedPlan.LANES];
  private final long[] hosts = new long[CachedPlan.LANES];
  private final long[] leaves = new long[CachedPlan.LANES];
  private final long[] tables = new long[CachedPlan.LANES];
  private final long[] hierarchies = new long[CachedPlan.LANES];
  private final long[] rights = new long[CachedPlan.LANES];

  private int toSkip;

  SmallPageLockstep(GuestMemory memory, SmoothWalk smooth) {
    this.memory = memory;
    this.smooth = smooth;
  }

  /**
   * Walks several addresses from the start tables on, through whichever stages the plan has.
   *
   * @param from place of the first address, and of its answer
   * @param spans log2 of the block that stage 1's page maps
   * @return whether the answers are there; if not, they have to be walked with care
   */
  boolean walk(
      SmmuPlan plan, long[] iovas, long[] answers, int from, int[] spans, int count, int access) {
    if (toSkip > 0) {
      toSkip--;
      return false;
    }
    Regime regime = plan.stage1 ? SmoothWalk.regime(plan, iovas[from]) : plan.second;
    long wrong = 0;
    if (plan.stage1) {
      wrong = first(plan, regime, iovas, from, count, access);
    } else {
      for (int lane = 0; lane < count; lane++) {
        addresses[lane] = iovas[from + lane];
        rights[lane] = Access.ATOMIC;
        wrong |= smooth.isIntermediate(iovas[from + lane]) ? 0 : 1;
      }
    }
    int span = regime.granule;
    if (plan.stage2) {
      wrong |= second(plan.second, (long) access << S2AP_SHIFT | PAGE, count);
      span = Math.min(span, plan.second.granule);
      for (int lane = 0; lane < count; lane++) {
        rights[lane] &= SmallPageWalk.secondRights(plan, leaves[lane]);
      }
    }
    long within = (1L << plan.second.granule) - 1;
    for (int lane = 0; lane < count; lane++) {
      long address = plan.stage2 ? hosts[lane] | addresses[lane] & within : addresses[lane];
      answers[from + lane] = Translation.ok(address, span, (int) rights[lane]);
      spans[lane] = regime.granule;
    }
    toSkip = wrong == 0 ? 0 : PATIENCE;
    return wrong == 0;
  }

  /** Takes all lanes through stage 1, with their rights; 0 if nothing is wrong. */
  private long first(SmmuPlan plan, Regime regime, long[] iovas, int from, int count, int access) {
    long wrong = start(plan, regime, iovas, from, count);
    long slots = -8;
    int shift = regime.lsb(regime.start) - 3;
    for (; shift > regime.granule - 3; shift -= regime.stride) {
      wrong |= load(plan, shift, slots, count);
      for (int lane = 0; lane < count; lane++) {
        long entry = leaves[lane];
        wrong |= (entry ^ TABLE) & (TABLE | regime.beyond);
        hierarchies[lane] |= entry;
        tables[lane] = entry & regime.tables;
      }
      slots = (1L << regime.stride) - 1 << 3;
    }
    wrong |= load(plan, shift, slots, count);
    return wrong | pages(plan, regime, access, count);
  }

  /** Reads stage 1 descriptors, which may lie behind stage 2; 0 if nothing is wrong. */
  private long load(SmmuPlan plan, int shift, long slots, int count) {
    if (!plan.stage2) {
      for (int lane = 0; lane < count; lane++) {
        leaves[lane] = memory.entryOrZero(tables[lane], inputs[lane] >>> shift & slots);
      }
      return 0;
    }
    for (int lane = 0; lane < count; lane++) {
      addresses[lane] = tables[lane] + (inputs[lane] >>> shift & slots);
    }
    long wrong = second(plan.second, (long) Access.READ << S2AP_SHIFT | PAGE, count);
    long within = (1L << plan.second.granule) - 1;
    for (int lane = 0; lane < count; lane++) {
      leaves[lane] = memory.entryOrZero(hosts[lane], addresses[lane] & within);
    }
    return wrong;
  }

  /** Begins all lanes at the start table; 0 if all lie in the same open range. */
  private long start(SmmuPlan plan, Regime regime, long[] iovas, int from, int count) {
    long inside = (1L << regime.inputBits) - 1;
    boolean usual = true;
    for (int lane = 0; lane < count; lane++) {
      long iova = iovas[from + lane];
      usual &= SmoothWalk.regime(plan, iova) == regime && SmoothWalk.accepts(regime, iova);
      inputs[lane] = iova & inside;
      tables[lane] = regime.base;
      hierarchies[lane] = 0;
    }
    return usual ? 0 : 1;
  }

  /** What the last stage 1 descriptors give; 0 if nothing is wrong. */
  private long pages(SmmuPlan plan, Regime regime, int access, int count) {
    long inPage = (1L << regime.granule) - 1;
    long wrong = 0;
    long global = 0;
    for (int lane = 0; lane < count; lane++) {
      long entry = leaves[lane];
      long limits = hierarchies[lane] >>> LIMITS_SHIFT & regime.limits;
      long denied = limits | SmallPageWalk.readOnly(entry);
      wrong |= (entry ^ regime.page) & (regime.page | regime.beyond);
      wrong |= denied & (access | Access.READ);
      global |= ~entry & NOT_GLOBAL;
      rights[lane] =
          Access.ATOMIC & ~denied | SmallPageWalk.dirtyable(entry, plan.dirtyable) & ~limits;
      addresses[lane] = entry & regime.tables | inputs[lane] & inPage;
    }
    plan.global |= wrong == 0 && global != 0;
    return wrong;
  }

  /** Takes the addresses of all lanes through stage 2; 0 if nothing is wrong. */
  private long second(Regime regime, long page, int count) {
    long wrong = 0;
    for (int lane = 0; lane < count; lane++) {
      wrong |= addresses[lane] >>> regime.inputBits;
      hosts[lane] = regime.base;
    }
    long slots = -8;
    int shift = regime.lsb(regime.start) - 3;
    for (; shift > regime.granule - 3; shift -= regime.stride) {
      for (int lane = 0; lane < count; lane++) {
        long entry = memory.entryOrZero(hosts[lane], addresses[lane] >>> shift & slots);
        wrong |= (entry ^ TABLE) & (TABLE | regime.beyond);
        hosts[lane] = entry & regime.tables;
      }
      slots = (1L << regime.stride) - 1 << 3;
    }
    for (int lane = 0; lane < count; lane++) {
      long entry = memory.entryOrZero(hosts[lane], addresses[lane] >>> shift & slots);
      wrong |= (entry ^ page) & (page | regime.beyond);
      leaves[lane] = entry;
      hosts[lane] = entry & regime.tables;
    }
    return wrong;
  }
}
