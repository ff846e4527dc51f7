package dev.nestwalk.vtd;

import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The {@link LockstepWalk} of small pages that nothing stands in the way of: no lane decides
 * anything, so a level is a loop of a dozen instructions, and the loads of all lanes are under way
 * at once. What a rule would refuse is only collected, and then all lanes have to be walked with
 * care.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SmallPageLockstep {
  private static final long ADDRESS = SmoothWalk.ADDRESS;
  private static final int INDEX = SmoothWalk.INDEX;
  private static final int PAGE = SmallPageWalk.PAGE;
  private static final long WITHIN = 0xfff;

  /** After a batch that needed care, so many are not tried here. */
  private static final int PATIENCE = 15;

  private final GuestMemory memory;

  // By lane: intermediate address of a table or page, the table or page behind it, rights so far.
  private final long[] addresses = new long[CachedPlan.LANES];
  private final long[] hosts = new long[CachedPlan.LANES];
  private final long[] rights = new long[CachedPlan.LANES];

  private int toSkip;

  SmallPageLockstep(GuestMemory memory) {
    this.memory = memory;
  }

  /**
   * Walks several addresses through the first stage, and through the second if the plan has it.
   *
   * @param from place of the first address, and of its answer
   * @param spans log2 of the block that the first stage's page maps
   * @return whether the answers are there; if not, they have to be walked with care
   */
  boolean walk(
      VtdPlan plan, long[] iovas, long[] answers, int from, int[] spans, int count, int access) {
    if (toSkip > 0) {
      toSkip--;
      return false;
    }
    boolean writes = (access & Access.WRITE) != 0;
    long wrong = first(plan, iovas, from, count, writes);
    if (plan.usesSecond) {
      wrong |= pages(plan, access, writes ? plan.secondWrites : plan.secondReads, count);
    } else {
      System.arraycopy(addresses, 0, hosts, 0, count);
    }
    long barred = 0;
    for (int lane = 0; lane < count; lane++) {
      long iova = iovas[from + lane];
      long address = hosts[lane] | iova & WITHIN;
      barred |= outsideInterrupt(iova) | outsideInterrupt(address);
      answers[from + lane] = Translation.ok(address, PAGE, (int) rights[lane] & Access.ATOMIC);
      spans[lane] = PAGE;
    }
    boolean done = wrong == 0 && barred >= 0;
    toSkip = done ? 0 : PATIENCE;
    return done;
  }

  /** Negative for an address that the interrupt range has a say in. */
  private static long outsideInterrupt(long address) {
    return (address >>> 20 ^ VtdConfig.INTERRUPT_FIRST >>> 20) - 1;
  }

  /** Takes all lanes through the first stage, with their rights; 0 if nothing is wrong. */
  private long first(VtdPlan plan, long[] iovas, int from, int count, boolean writes) {
    int unused = plan.firstUnused;
    long wrong = 0;
    for (int lane = 0; lane < count; lane++) {
      long iova = iovas[from + lane];
      wrong |= iova << unused >> unused ^ iova;
      addresses[lane] = plan.firstRoot;
      rights[lane] = -1;
    }
    long required = plan.firstReads;
    long rules = required | plan.firstIllegal;
    for (int shift = SmoothWalk.top(plan); shift > PAGE; shift -= 9) {
      wrong |= tables(plan, count);
      for (int lane = 0; lane < count; lane++) {
        long entry = memory.entryOrZero(hosts[lane], iovas[from + lane] >>> shift - 3 & INDEX);
        wrong |= (entry ^ required) & rules;
        addresses[lane] = entry & ADDRESS;
        rights[lane] &= entry;
      }
    }
    wrong |= tables(plan, count);
    required = writes ? plan.firstWrites : plan.firstReads;
    long illegal = plan.firstSmall;
    for (int lane = 0; lane < count; lane++) {
      long entry = memory.entryOrZero(hosts[lane], iovas[from + lane] >>> PAGE - 3 & INDEX);
      long all = rights[lane] & entry;
      wrong |= (all ^ required) & required | entry & illegal;
      addresses[lane] = entry & ADDRESS;
      rights[lane] = plan.firstPermits | all & Access.WRITE;
    }
    return wrong;
  }

  /** Takes first-stage tables of all lanes through the second stage; 0 if nothing is wrong. */
  private long tables(VtdPlan plan, int count) {
    if (!plan.usesSecond) {
      System.arraycopy(addresses, 0, hosts, 0, count);
      return 0;
    }
    long required = Access.READ | plan.secondReads;
    long rules = required | plan.secondIllegal;
    long wrong = start(plan, count);
    for (int shift = 3 + 9 * plan.secondLevels; shift > PAGE; shift -= 9) {
      for (int lane = 0; lane < count; lane++) {
        long entry = memory.entryOrZero(hosts[lane], addresses[lane] >>> shift - 3 & INDEX);
        wrong |= (entry ^ required) & rules;
        hosts[lane] = entry & ADDRESS;
      }
    }
    rules = required | plan.secondSmall;
    for (int lane = 0; lane < count; lane++) {
      long entry = memory.entryOrZero(hosts[lane], addresses[lane] >>> PAGE - 3 & INDEX);
      wrong |= (entry ^ required) & rules;
      hosts[lane] = entry & ADDRESS;
    }
    return wrong;
  }

  /**
   * The same for pages, with what it leaves of their rights.
   *
   * @param flags what the last entry has to have set
   */
  private long pages(VtdPlan plan, int access, long flags, int count) {
    long required = access | plan.secondReads;
    long rules = required | plan.secondIllegal;
    long wrong = start(plan, count);
    for (int shift = 3 + 9 * plan.secondLevels; shift > PAGE; shift -= 9) {
      for (int lane = 0; lane < count; lane++) {
        long entry = memory.entryOrZero(hosts[lane], addresses[lane] >>> shift - 3 & INDEX);
        wrong |= (entry ^ required) & rules;
        hosts[lane] = entry & ADDRESS;
        rights[lane] &= entry;
      }
    }
    long last = access | flags;
    rules = last | plan.secondSmall;
    for (int lane = 0; lane < count; lane++) {
      long entry = memory.entryOrZero(hosts[lane], addresses[lane] >>> PAGE - 3 & INDEX);
      wrong |= (entry ^ last) & rules;
      hosts[lane] = entry & ADDRESS;
      rights[lane] &= entry;
    }
    return wrong;
  }

  private long start(VtdPlan plan, int count) {
    int width = plan.secondWidth;
    long wrong = 0;
    for (int lane = 0; lane < count; lane++) {
      wrong |= addresses[lane] >>> width;
      hosts[lane] = plan.secondRoot;
    }
    return wrong;
  }
}
