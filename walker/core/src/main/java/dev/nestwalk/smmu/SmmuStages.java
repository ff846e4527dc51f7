package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.walk.Stage;
import dev.nestwalk.walk.Tables;

/**
 * VMSAv8-64 tables as masks for the fast walk (DDI 0487, D8.3). The leaf grants the rights, except
 * those that table descriptors of stage 1 deny.
 */
final class SmmuStages {
  private static final long TABLE = 3;
  private static final long BLOCK = 1;

  /** OA[47:0] of a descriptor, from the granule's bit on. */
  private static final long ADDRESS = (1L << 48) - 1;

  /** OA[49:0] of a descriptor with DS. */
  private static final long ADDRESS_DS = (1L << 50) - 1;

  /** OA[51:48] of a descriptor of the 64K granule, in bits 15:12. */
  private static final long HIGH_64K = 0xf000;

  /** OA[51:50] of a descriptor with DS, in bits 9:8. */
  private static final long HIGH_DS = 0x300;

  /** Bits of a first-stage address that TBI leaves out. */
  private static final int IGNORED_TOP_BITS = 8;

  /** The configuration in the form of the fast walk. */
  static Tables of(SmmuPlan plan) {
    if (plan.disabled || !plan.stage1 && !plan.stage2 || plan.instruction == 3) {
      // An access that is turned into an instruction fetch has rules of its own.
      return Tables.NONE;
    }
    boolean user = plan.privilege != 3;
    boolean lower = plan.stage1 && !plan.lowerOff && !(plan.lowerNoUser && user);
    boolean upper = plan.stage1 && !plan.upperOff && !(plan.upperNoUser && user);
    if (plan.stage1 && !lower && !upper) {
      return Tables.NONE;
    }
    return new Tables(
        lower ? first(plan, plan.lower, plan.lowerTopByteIgnored, 0, plan.lowerFlat) : Stage.NONE,
        plan.lower.base,
        upper ? first(plan, plan.upper, plan.upperTopByteIgnored, -1, plan.upperFlat) : Stage.NONE,
        plan.upper.base,
        plan.stage2 ? second(plan) : Stage.NONE,
        plan.second.base,
        -1,
        false);
  }

  private static Stage first(
      SmmuPlan plan, Regime regime, boolean ignoresTop, long prefix, boolean flat) {
    boolean privileged = plan.twoPrivileges && plan.privilege == 3;
    boolean asUser = plan.twoPrivileges && !privileged;
    long required = asUser ? Stage1Descriptor.AP1.mask() : 0;
    // PAN denies privileged accesses to pages that a user may access; the full walker handles it.
    long never = privileged && plan.privilegedNever ? Stage1Descriptor.AP1.mask() : 0;
    boolean flag = plan.ha || plan.accessFlagFaults;
    required |= flag ? Stage1Descriptor.AF.mask() : 0;
    long limits = flat ? 0 : asUser ? Access.ATOMIC : Access.WRITE;
    long clean = plan.hd ? Access.WRITE : 0;
    return new Stage(
        geometry(regime),
        new Stage.Input(regime.inputBits, prefix, false, ignoresTop ? IGNORED_TOP_BITS : 0),
        encoding(regime),
        kinds(regime, required, never),
        new Stage.Rights(Access.WRITE, Stage1Descriptor.AP2.lo() - 1, -1, Access.READ, Access.READ),
        Stage.Above.denied(limits, Stage1Descriptor.APTABLE.lo()),
        new Stage.Flags(0, clean, Stage1Descriptor.DBM.lo() - 1, Stage1Descriptor.NG.mask(), 0));
  }

  private static Stage second(SmmuPlan plan) {
    Regime regime = plan.second;
    boolean flag = plan.secondHa || plan.secondAccessFlagFaults;
    long type = Stage2Descriptor.MEMATTR.mask();
    // With S2PTW, tables must not be in Device memory; with FWB this is MemAttr[2] clear.
    long memory =
        plan.forcedWriteBack
            ? type & 1L << Stage2Descriptor.MEMATTR.lo() + 2
            : type & ~(3L << Stage2Descriptor.MEMATTR.lo());
    long clean = plan.secondHd ? Access.WRITE : 0;
    return new Stage(
        geometry(regime),
        // No more than those of an intermediate address: S2T0SZ is checked when it is resolved.
        Stage.Input.unsigned(regime.inputBits),
        encoding(regime),
        kinds(regime, flag ? Stage2Descriptor.AF.mask() : 0, 0),
        new Stage.Rights(Access.ATOMIC, Stage2Descriptor.S2AP0.lo(), 0, 0, 0),
        Stage.Above.NOTHING,
        new Stage.Flags(
            0, clean, Stage2Descriptor.DBM.lo() - 1, 0, plan.protectedWalk ? memory : 0));
  }

  private static Stage.Geometry geometry(Regime regime) {
    return new Stage.Geometry(
        regime.levels(),
        regime.granule,
        regime.stride,
        (1L << regime.inputBits - regime.lsb(regime.start)) - 1);
  }

  private static Stage.Encoding encoding(Regime regime) {
    boolean big = regime.bigEndian;
    long pages = -(1L << regime.granule);
    return switch (regime.format) {
      case Regime.LPA_64K -> new Stage.Encoding(big, ADDRESS & pages, 0, HIGH_64K, 36);
      case Regime.LPA2 -> new Stage.Encoding(big, ADDRESS_DS & pages, 0, HIGH_DS, 42);
      default -> new Stage.Encoding(big, ADDRESS & pages, 0, 0, 0);
    };
  }

  /**
   * The descriptors of a stage, whose bits beyond the output size are clear.
   *
   * @param required bits that are set in a page or block
   * @param never bits that are clear in it
   */
  private static Stage.Kinds kinds(Regime regime, long required, long never) {
    long beyond = beyond(regime);
    long care = TABLE | required | never | beyond;
    return new Stage.Kinds(
        new Stage.Mask(TABLE | beyond, TABLE),
        0,
        new Stage.Mask(care, TABLE | required),
        block(regime, 2, care, required),
        block(regime, 1, care, required),
        block(regime, 0, care, required));
  }

  private static Stage.Mask block(Regime regime, int level, long care, long required) {
    boolean legal = (regime.blockLevels >>> level & 1) != 0;
    return legal ? new Stage.Mask(care, BLOCK | required) : Stage.Mask.NOTHING;
  }

  /** The bits of a descriptor that exceed the output size. */
  private static long beyond(Regime regime) {
    int size = regime.outputBits;
    long above = size >= 64 ? 0 : -(1L << size);
    return switch (regime.format) {
      case Regime.LPA_64K -> above & ADDRESS | (above >>> 48 & 15) << 12;
      case Regime.LPA2 -> above & ADDRESS_DS | (above >>> 50 & 3) << 8;
      default -> above & ADDRESS;
    };
  }

  private SmmuStages() {}
}
