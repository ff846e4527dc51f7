package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * The walk where nothing stands in its way: little-endian descriptors with addresses of up to 48
 * bits, all valid, with the rights that an unprivileged requester asks for and no flag to set, in
 * the largest run of memory. Anything else gives 0, and the walkers that know every rule tell what
 * it is; nothing is counted or written.
 *
 * <p>A level is one load and one compare with a mask, so the JIT keeps a walk in registers.
 * Descriptors are read plainly, each once: what makes a walk read anew is the acquire read at the
 * start of its translation.
 *
 * <p>Threads: any.
 */
final class SmoothWalk {
  static final long TABLE = 3;
  private static final long BLOCK = 1;
  private static final long NOT_GLOBAL = Stage1Descriptor.NG.mask();
  private static final long READ_ONLY = Stage1Descriptor.AP2.mask();
  private static final long USER = Stage1Descriptor.AP1.mask();
  private static final long DBM = Stage1Descriptor.DBM.mask();
  private static final long AF = Stage1Descriptor.AF.mask();
  private static final int NO_USER_SHIFT = Stage1Descriptor.APTABLE.lo();
  private static final int S2AP_SHIFT = Stage2Descriptor.S2AP0.lo();
  private static final long OUTPUT = (1L << 48) - 1;

  private final GuestMemory memory;
  private final int intermediateSize;

  SmoothWalk(SmmuConfig config, GuestMemory memory) {
    this.memory = memory;
    intermediateSize = config.unit.intermediateSize();
  }

  /**
   * Walks from the start tables.
   *
   * @param access read, write or both
   * @return a packed answer, or 0
   */
  long walk(SmmuPlan plan, long address, int access) {
    if (!plan.smooth) {
      return 0;
    }
    if (!plan.stage1) {
      return plan.stage2 ? secondOnly(plan, address, access) : 0;
    }
    Regime regime = regime(plan, address);
    if (!accepts(regime, address)) {
      return 0;
    }
    if (plan.stage2) {
      return nested(plan, regime, address, access);
    }
    int top = regime.lsb(regime.start);
    return firstFrom(plan, regime, regime.base, top, -1, 0, address, access);
  }

  /** The stage 1 range that an address lies in. */
  static Regime regime(SmmuPlan plan, long address) {
    return plan.twoPrivileges && address << 8 < 0 ? plan.upper : plan.lower;
  }

  /** Whether stage 1 is on for the address, and open to unprivileged requesters. */
  static boolean accepts(Regime regime, long address) {
    int ignored = regime.ignored;
    return regime.open && address << ignored >> ignored >> regime.inputBits == regime.prefix;
  }

  /** Whether an address fits the intermediate address size. */
  boolean isIntermediate(long address) {
    return address >>> intermediateSize == 0;
  }

  private long secondOnly(SmmuPlan plan, long address, int access) {
    return isIntermediate(address) ? second(plan, address, access) : 0;
  }

  long second(SmmuPlan plan, long ipa, int access) {
    Regime regime = plan.second;
    return secondFrom(plan, regime.base, regime.lsb(regime.start), -1, ipa, access);
  }

  /**
   * Through stage 2 from a table on.
   *
   * @param top lowest bit of the index into the table
   * @param mask which index bits count: all of them in the start table
   */
  long secondFrom(SmmuPlan plan, long root, int top, long mask, long ipa, int access) {
    Regime regime = plan.second;
    if (ipa >>> regime.inputBits != 0) {
      return 0;
    }
    int stride = regime.stride;
    int granule = regime.granule;
    long beyond = regime.beyond;
    long table = root;
    long slots = mask;
    int shift = top;
    long entry;
    while (true) {
      entry = memory.entryOrZero(table, (ipa >>> shift & slots) << 3);
      if (shift == granule || (entry & (TABLE | beyond)) != TABLE) {
        break;
      }
      table = entry & regime.tables;
      shift -= stride;
      slots = (1L << stride) - 1;
    }
    return secondPage(plan, entry, shift, ipa, access);
  }

  /** What a stage 2 leaf gives. */
  static long secondPage(SmmuPlan plan, long entry, int shift, long ipa, int access) {
    Regime regime = plan.second;
    long rights = (long) access << S2AP_SHIFT;
    long required = rights | AF | (shift == regime.granule ? TABLE : BLOCK);
    if ((entry & (rights | AF | TABLE | regime.beyond)) != required || !regime.isLeaf(shift)) {
      return 0;
    }
    long page = (entry & OUTPUT) >>> shift << shift;
    return Translation.ok(page | ipa & (1L << shift) - 1, shift, Stage2Walk.rights(plan, entry));
  }

  private long nested(SmmuPlan plan, Regime regime, long address, int access) {
    long inside = address & (1L << regime.inputBits) - 1;
    long hierarchy = 0;
    int shift = regime.lsb(regime.start);
    long slots = -1;
    long table = regime.base;
    long entry;
    while (true) {
      entry = entryBelow(plan, table, (inside >>> shift & slots) << 3);
      if (shift == regime.granule || (entry & (TABLE | regime.beyond)) != TABLE) {
        break;
      }
      hierarchy |= entry;
      table = entry & regime.tables;
      shift -= regime.stride;
      slots = (1L << regime.stride) - 1;
    }
    long page = page(plan, regime, entry, shift, hierarchy, address, access);
    if (page == 0) {
      return 0;
    }
    long intermediate = Translation.address(page);
    long host = second(plan, intermediate, access);
    if (host == 0) {
      return 0;
    }
    plan.inputSpan = Translation.spanLog2(page);
    plan.intermediate = intermediate;
    return both(page, host);
  }

  /**
   * A stage 1 descriptor, which lies behind stage 2, or 0. Between stage 2's last descriptor and
   * this one there is but a sum.
   *
   * @param of intermediate address of the table
   */
  private long entryBelow(SmmuPlan plan, long of, long index) {
    Regime regime = plan.second;
    long ipa = of + index;
    if (ipa >>> regime.inputBits != 0) {
      return 0;
    }
    int stride = regime.stride;
    int granule = regime.granule;
    long beyond = regime.beyond;
    long table = regime.base;
    long slots = -1;
    int shift = regime.lsb(regime.start);
    long entry;
    while (true) {
      entry = memory.entryOrZero(table, (ipa >>> shift & slots) << 3);
      if (shift == granule || (entry & (TABLE | beyond)) != TABLE) {
        break;
      }
      table = entry & regime.tables;
      shift -= stride;
      slots = (1L << stride) - 1;
    }
    long rights = (long) Access.READ << S2AP_SHIFT;
    long required = rights | AF | (shift == granule ? TABLE : BLOCK);
    if ((entry & (rights | AF | TABLE | beyond)) != required || !regime.isLeaf(shift)) {
      return 0;
    }
    long within = ipa & (1L << shift) - 1;
    return shift == granule
        ? memory.entryOrZero(entry & regime.tables, within)
        : memory.entryOrZero((entry & OUTPUT) >>> shift << shift, within);
  }

  /** The answer of both stages. */
  static long both(long first, long second) {
    return Translation.ok(
        Translation.address(second),
        Math.min(Translation.spanLog2(first), Translation.spanLog2(second)),
        Translation.rights(first & second));
  }

  /**
   * Through stage 1 alone, from a table on.
   *
   * @param above OR of the table descriptors above
   */
  long firstFrom(
      SmmuPlan plan,
      Regime regime,
      long root,
      int top,
      long mask,
      long above,
      long address,
      int access) {
    long inside = address & (1L << regime.inputBits) - 1;
    long hierarchy = above;
    int shift = top;
    long slots = mask;
    long table = root;
    while (true) {
      long entry = memory.entryOrZero(table, (inside >>> shift & slots) << 3);
      if (shift == regime.granule || (entry & (TABLE | regime.beyond)) != TABLE) {
        return page(plan, regime, entry, shift, hierarchy, address, access);
      }
      hierarchy |= entry;
      table = entry & regime.tables;
      shift -= regime.stride;
      slots = (1L << regime.stride) - 1;
    }
  }

  /**
   * What a stage 1 leaf gives.
   *
   * @param above OR of the table descriptors above
   */
  static long page(
      SmmuPlan plan, Regime regime, long entry, int shift, long above, long address, int access) {
    boolean flat = regime == plan.upper ? plan.upperFlat : plan.lowerFlat;
    int limits = flat ? 0 : (int) (above >>> NO_USER_SHIFT);
    long user = plan.twoPrivileges ? USER : 0;
    boolean writes = (access & Access.WRITE) != 0;
    long required = user | AF | (shift == regime.granule ? TABLE : BLOCK);
    long clear = regime.beyond | (writes ? READ_ONLY : 0);
    boolean granted = (entry & (user | AF | TABLE | clear)) == required && regime.isLeaf(shift);
    boolean dirtyable = (entry & READ_ONLY) == 0 || plan.hd && (entry & DBM) != 0;
    boolean writable = dirtyable && (limits & 2) == 0;
    if (!granted || user != 0 && (limits & 1) != 0 || writes && !writable) {
      return 0;
    }
    if ((entry & NOT_GLOBAL) == 0) {
      plan.global = true;
    }
    long page = (entry & OUTPUT) >>> shift << shift | address & (1L << shift) - 1;
    return Translation.ok(page, shift, writable ? Access.ATOMIC : Access.READ);
  }
}
