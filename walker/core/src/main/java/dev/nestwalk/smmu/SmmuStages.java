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

  /** OA[51:48] of a descriptor of the 64K granule, in bits 15:12. */
  private static final long HIGH_64K = 0xf000;

  /** OA[51:50] of a descriptor with DS, in bits 9:8. */
  private static final long HIGH_DS = 0x300;

  /** The configuration in the form of the fast walk. */
  static Tables of(SmmuPlan plan, int intermediateSize) {
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
        plan.stage2 ? second(plan, intermediateSize) : Stage.NONE,
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
    Stage.Builder stage =
        geometry(regime)
            .input(regime.inputBits, prefix, ignoresTop ? 8 : 0)
            .tableDenies(limits, Stage1Descriptor.APTABLE.lo())
            .rights(Access.WRITE, Stage1Descriptor.AP2.lo() - 1, -1)
            .always(Access.READ, Access.READ)
            .clean(plan.hd ? Access.WRITE : 0, Stage1Descriptor.DBM.lo() - 1)
            .notGlobal(Stage1Descriptor.NG.mask());
    return pages(stage, regime, required, never);
  }

  private static Stage second(SmmuPlan plan, int intermediateSize) {
    Regime regime = plan.second;
    int bits = regime.inputBits;
    boolean flag = plan.secondHa || plan.secondAccessFlagFaults;
    long type = Stage2Descriptor.MEMATTR.mask();
    // With S2PTW, tables must not be in Device memory; with FWB this is MemAttr[2] clear.
    long memory =
        plan.forcedWriteBack
            ? type & 1L << Stage2Descriptor.MEMATTR.lo() + 2
            : type & ~(3L << Stage2Descriptor.MEMATTR.lo());
    Stage.Builder stage =
        geometry(regime)
            .input(plan.stage1 ? bits : Math.min(bits, intermediateSize), 0, 0)
            .rights(Access.ATOMIC, Stage2Descriptor.S2AP0.lo(), 0)
            .clean(plan.secondHd ? Access.WRITE : 0, Stage2Descriptor.DBM.lo() - 1)
            .tableMemory(plan.protectedWalk ? memory : 0);
    return pages(stage, regime, flag ? Stage2Descriptor.AF.mask() : 0, 0);
  }

  private static Stage.Builder geometry(Regime regime) {
    int levels = 4 - regime.start;
    long beyond = beyond(regime);
    long bits = regime.format == Regime.LPA2 ? (1L << 50) - 1 : (1L << 48) - 1;
    Stage.Builder stage =
        new Stage.Builder(levels, regime.granule, regime.stride)
            .topSlots((1L << regime.inputBits - regime.lsb(regime.start)) - 1)
            .bigEndian(regime.bigEndian)
            .address(bits & -(1L << regime.granule), 0)
            .table(TABLE | beyond, TABLE, 0);
    return switch (regime.format) {
      case Regime.LPA_64K -> stage.highAddress(HIGH_64K, 36);
      case Regime.LPA2 -> stage.highAddress(HIGH_DS, 42);
      default -> stage;
    };
  }

  private static Stage pages(Stage.Builder stage, Regime regime, long required, long never) {
    long care = TABLE | required | never | beyond(regime);
    stage.page(care, TABLE | required);
    for (int n = 1; n <= 3; n++) {
      if ((regime.blockLevels >>> 3 - n & 1) != 0) {
        stage.block(n, care, BLOCK | required);
      }
    }
    return stage.build();
  }

  /** The bits of a descriptor that exceed the output size. */
  private static long beyond(Regime regime) {
    int size = regime.outputBits;
    long above = size >= 64 ? 0 : -(1L << size);
    return switch (regime.format) {
      case Regime.LPA_64K -> above & (1L << 48) - 1 | (above >>> 48 & 15) << 12;
      case Regime.LPA2 -> above & (1L << 50) - 1 | (above >>> 50 & 3) << 8;
      default -> above & (1L << 48) - 1;
    };
  }

  private SmmuStages() {}
}
