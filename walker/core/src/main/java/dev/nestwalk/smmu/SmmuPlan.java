package dev.nestwalk.smmu;

import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.walk.Tables;

/**
 * The resolved configuration of a stream: STE and CD, decoded and checked into primitives. {@link
 * StreamResolver} and {@link ContextResolver} fill it.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
public final class SmmuPlan extends CachedPlan {
  /** The effective stages, after S1DSS. */
  boolean stage1;

  boolean stage2;

  /** STE.Config enables both stages, whatever S1DSS is. */
  boolean nested;

  /** Value of {@link #defaultSubstream}: requests without SubstreamID bypass stage 1. */
  static final int BYPASS = 1;

  /** Value of {@link #defaultSubstream}: requests without SubstreamID use CD 0. */
  static final int SUBSTREAM_0 = 2;

  /** S1DSS: 0 terminates requests without SubstreamID, {@link #BYPASS}, {@link #SUBSTREAM_0}. */
  int defaultSubstream;

  /** Stage 1 is on in the STE, but S1DSS bypasses it for this request. */
  boolean bypassedStage1;

  /** Value of {@link #ats}: translation requests are answered with intermediate addresses. */
  static final int SPLIT_STAGE = 2;

  /** Effective EATS: 0 off, 1 full, {@link #SPLIT_STAGE}. */
  int ats;

  /** Effective PRIVCFG and INSTCFG: 0 incoming, 2 and 3 override. */
  int privilege;

  int instruction;

  /** Stage 2 of the stream. */
  final Regime second = new Regime();

  int vmid;
  boolean secondAccessFlagFaults;
  boolean secondHa;
  boolean secondHd;
  boolean protectedWalk;
  boolean forcedWriteBack;
  boolean secondStalls;
  boolean secondRecords;

  /** CD table. */
  long contextTable;

  /** Value of {@link #contextFormat}: one table. */
  static final int LINEAR = 0;

  /** Value of {@link #contextFormat}: two levels, of which the second has tables of 4 KiB. */
  static final int LEAVES_4K = 1;

  /** S1FMT: {@link #LINEAR}, {@link #LEAVES_4K}, 2 for second-level tables of 64 KiB. */
  int contextFormat;

  int contextBits;
  boolean stallDisabled;

  /** Stage 1: the lower and the upper range. */
  final Regime lower = new Regime();

  final Regime upper = new Regime();
  boolean lowerOff;
  boolean upperOff;
  boolean lowerTopByteIgnored;
  boolean upperTopByteIgnored;
  boolean lowerFlat;
  boolean upperFlat;
  boolean lowerNoUser;
  boolean upperNoUser;

  /** Bits of the addresses that pass unchanged where no stage translates, 64 if the unit is off. */
  private int bypassBits;

  /** EL1&0 or EL2-E2H: there are two ranges, and privilege matters. */
  boolean twoPrivileges;

  int asid;
  boolean accessFlagFaults;
  boolean ha;
  boolean hd;
  boolean writeNeverExecute;
  boolean privilegedNever;
  boolean stalls;
  boolean records;

  /** The configuration in the form of the fast walk. */
  private Tables tables = Tables.NONE;

  /** The unit is off: no STE, no CD. */
  boolean disabled;

  // STE and CD as they were read.
  final long[] stream = new long[4];
  final long[] context = new long[3];

  /** Makes a plan to be filled. */
  public SmmuPlan() {}

  /** The plan that was filled last, in the form of the fast walk. */
  public Tables tables() {
    return tables;
  }

  /** Fills the plan for a unit that is off. */
  void disable() {
    disabled = true;
    bypassBits = 64;
    select(UNTRANSLATED, -1, 0, false, false);
    judge(true, false, 0);
    word(11, UNTRANSLATED);
    secondWord(10, -1);
    secondWord(11, UNTRANSLATED);
    tables = Tables.NONE;
  }

  /** Sets what caches and kernel need to know of the plan that was filled last. */
  void describe(int substream, boolean el2, int widthOfBypass) {
    disabled = false;
    bypassBits = widthOfBypass;
    // Translation regimes of EL2 have no VMID; a number above all VMIDs stands for them.
    int domain = el2 ? EL2 : vmid;
    select(domain, stage1 ? asid : -1, Math.max(substream, 0), stage1, stage2);
    int ignores = (lowerTopByteIgnored ? 1 : 0) | (upperTopByteIgnored ? 2 : 0);
    judge(!(stage1 && hd) && !(stage2 && secondHd), instruction == 3, stage1 ? ignores : 0);
    for (int i = 0; i < stream.length; i++) {
      word(i, stream[i]);
    }
    for (int i = 0; stage1 && i < context.length; i++) {
      word(stream.length + i, context[i]);
    }
    word(10, stage1 ? 1 : 0);
    word(11, domain);
    secondWord(0, stream[1] & StreamTableEntry.S2FWB.mask());
    secondWord(1, stream[2]);
    secondWord(2, stream[3]);
    secondWord(3, protectedWalk ? 1 : 0);
    secondWord(10, -1);
    secondWord(11, domain);
    tables = SmmuStages.of(this);
  }

  @Override
  public long[] inputRanges() {
    if (!usesFirst()) {
      return new long[] {0, -1L >>> 64 - (usesSecond() ? second.inputBits : bypassBits)};
    }
    long low = lowerOff ? 0 : (1L << lower.inputBits) - 1;
    return upperOff || !twoPrivileges
        ? new long[] {0, low}
        : new long[] {0, low, -1L << upper.inputBits, -1};
  }

  @Override
  public long block(long input, int stage, int level) {
    Regime regime = stage == 2 ? second : input < 0 ? upper : lower;
    int bits = regime.lsb(level << 28 >> 28);
    return (1L << Math.min(63, bits)) - 1;
  }

  @Override
  public long blockOfPiece(long input, int level, int secondLevel) {
    Regime regime = input < 0 ? upper : lower;
    int table = level == START ? regime.start : (level << 28 >> 28) + 1;
    int piece = Math.min(regime.granule, second.lsb(secondLevel << 28 >> 28));
    return (1L << Math.min(63, regime.lsb(table) + piece - 3)) - 1;
  }

  @Override
  public long blockOfRefusal(int code) {
    return -1;
  }

  @Override
  public boolean isFirstStageLeaf(int level, long entry) {
    return level == 3 || (entry & 3) == 1;
  }

  /** Domain of the EL2 regimes. */
  public static final int EL2 = 1 << 16;
}
