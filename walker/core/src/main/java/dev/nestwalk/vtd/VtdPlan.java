package dev.nestwalk.vtd;

import dev.nestwalk.dma.Outcome;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.walk.Tables;

/**
 * The resolved configuration of a device: root, context and PASID entries, decoded and checked into
 * primitives, so that a walk needs no checks of geometry. {@link VtdResolver} fills it.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
public final class VtdPlan extends CachedPlan {
  /** Kind: no table translates. */
  static final int IDENTITY = 0;

  /** Kind: second stage only. */
  static final int SECOND = 1;

  /** Kind: first stage only. */
  static final int FIRST = 2;

  /** Kind: first stage over second stage. */
  static final int NESTED = 3;

  /** Kind: the unit is off. */
  static final int UNTRANSLATED = 4;

  private static final long[] NO_WORDS = {};

  int kind;

  /** The request has no PASID. */
  boolean plain;

  /** A structure on the way has FPD set, so qualified faults are not recorded. */
  boolean faultsHidden;

  /** Legacy mode, which has its own fault reasons, no flags and no execute rights. */
  boolean legacy;

  /** Domain id, or {@link CachedPlan#UNTRANSLATED}. */
  int domainId;

  /** Identity: number of bits of an address; larger addresses are refused. */
  int identityWidth;

  /** Whether the request is privileged. */
  boolean privileged;

  /** Host address of the second-stage root table. */
  long secondRoot;

  /** Level of the second-stage root table, 3 to 5. */
  int secondLevels;

  /** Second-stage input width in bits. */
  int secondWidth;

  /** SSADE: second-stage flags are updated. */
  boolean secondFlags;

  /** SSEE: the second stage's X is in force. */
  boolean secondExecute;

  /** Bits that are clear in a second-stage entry that points to a table, at any level. */
  long secondTable;

  /**
   * Bits that are clear in a second-stage page's entry, by level; all bits at a level without
   * pages.
   */
  long[] secondPage = {};

  /** Address of the first-stage root table; guest-physical if nested. */
  long firstRoot;

  /** Level of the first-stage root table, 4 or 5. */
  int firstLevels;

  /** Bits that are clear in a first-stage entry that points to a table, at any level. */
  long firstTable;

  /**
   * Bits that are clear in a first-stage page's entry, by level; all bits at a level without pages.
   */
  long[] firstPage = {};

  /** The flags of a used first-stage entry: A, and EA with EAFE. */
  long firstUsed;

  /** The configuration in the form of the fast walk. */
  private Tables tables = Tables.NONE;

  boolean writeProtect;
  boolean noExecute;
  boolean smep;

  /** Whether flags may be updated: PWSNP is set, or the unit does not have that field. */
  boolean updates;

  /** Makes a plan to be filled. */
  public VtdPlan() {}

  /** The plan that was filled last, in the form of the fast walk. */
  public Tables tables() {
    return tables;
  }

  /** Fills the plan for a unit that is off, which passes requests with and without PASID alike. */
  void untranslated(int hostAddressWidth) {
    kind = UNTRANSLATED;
    legacy = true;
    identityWidth = hostAddressWidth;
    domainId = CachedPlan.UNTRANSLATED;
    plain = false;
    describe(NO_WORDS, 0, 0);
  }

  /** Sets what caches need to know of the plan that was filled last. */
  void describe(long[] configuration, int count, int effectivePasid) {
    boolean first = kind == FIRST || kind == NESTED;
    boolean second = kind == SECOND || kind == NESTED;
    select(domainId, effectivePasid, effectivePasid, first, second);
    judge(!first && !(second && secondFlags), false, 0);
    tables = first || second ? VtdStages.of(this) : Tables.NONE;
    for (int i = 0; i < count; i++) {
      word(i, configuration[i]);
    }
    word(8, (plain ? 1 : 0) | (privileged ? 2 : 0) | (faultsHidden ? 4 : 0) | (legacy ? 8 : 0));
    word(9, kind == SECOND ? -1 : effectivePasid);
    word(10, kind);
    word(11, domainId);
    secondWord(0, secondRoot);
    secondWord(
        1, secondLevels | (secondFlags ? 16 : 0) | (secondExecute ? 32 : 0) | (updates ? 64 : 0));
    secondWord(8, legacy ? 8 : 0);
    secondWord(10, -1);
    secondWord(11, domainId);
  }

  @Override
  public long[] inputRanges() {
    int bits = 9 * firstLevels + 11;
    return switch (kind) {
      case FIRST, NESTED -> new long[] {0, (1L << bits) - 1, -1L << bits, -1};
      case SECOND -> new long[] {0, (1L << secondWidth) - 1};
      default -> new long[] {0, (1L << identityWidth) - 1};
    };
  }

  @Override
  public long block(long input, int stage, int level) {
    // Level 0 stands for no entry: the stage does not translate the address at all.
    return level == 0 ? -1 : (4096L << 9 * (level - 1)) - 1;
  }

  /** A table is as large as the smallest page. */
  @Override
  public long blockOfPiece(long input, int level, int secondLevel) {
    return level == START ? -1 : block(input, 1, level);
  }

  @Override
  public long blockOfRefusal(int code) {
    boolean leadsToInterrupts = code == FaultCode.LGN_4 || code == FaultCode.SGN_8;
    return leadsToInterrupts || code == Outcome.PROTECTED_MEMORY.code()
        ? 4095
        : code == Outcome.INTERRUPT.code() || code == Outcome.UNSUPPORTED_REQUEST.code()
            ? 0xf_ffff
            : -1;
  }

  @Override
  public boolean isFirstStageLeaf(int level, long entry) {
    return level == 1 || level <= 3 && FirstStageEntry.PS.in(entry);
  }
}
