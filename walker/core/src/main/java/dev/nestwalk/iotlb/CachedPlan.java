package dev.nestwalk.iotlb;

import dev.nestwalk.dma.Access;
import java.util.Arrays;

/**
 * The part of a requester's resolved configuration that caches need: which address space it
 * selects, and how invalidations name it. Formats add what their walks need. Only the code that
 * resolves a configuration writes to its plan; a walk leaves its findings in {@link WalkNotes}.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public abstract class CachedPlan {
  /** Number of words that identify a configuration. */
  static final int WORDS = 13;

  /** Stands for the level of what points to the first table of a stage. */
  public static final int START = 16;

  /** The {@link #domain} of requests that pass because the unit is off. */
  public static final int UNTRANSLATED = -1;

  /**
   * Everything that the configuration was resolved from: equal words mean equal translations. The
   * last word is free for the owner of the plan.
   */
  final long[] words = new long[WORDS];

  /** Everything that the second stage was resolved from. */
  final long[] secondWords = new long[WORDS];

  private int domain;
  private int process;
  private int pasid;
  private boolean usesFirst;
  private boolean usesSecond;
  private boolean writesAreSilent;
  private boolean readsAreFetches;
  private int ignoresTop;

  /** Makes a plan to be filled. */
  protected CachedPlan() {}

  /**
   * For resolvers: sets the address space that the configuration selects, and clears all words.
   *
   * @param newDomain VT-d domain id or SMMUv3 VMID, by which invalidations of the second stage name
   *     it
   * @param newProcess VT-d PASID or SMMUv3 ASID, by which invalidations of the first stage name it
   *     in addition
   * @param newPasid the PASID or SubstreamID whose configuration this is, 0 if there is none
   */
  protected final void select(
      int newDomain, int newProcess, int newPasid, boolean first, boolean second) {
    domain = newDomain;
    process = newProcess;
    pasid = newPasid;
    usesFirst = first;
    usesSecond = second;
    Arrays.fill(words, 0);
    Arrays.fill(secondWords, 0);
  }

  /**
   * For resolvers: sets which requests a hit may answer.
   *
   * @param silent whether a write leaves no trace in the tables that a read has not left, so that a
   *     read may cache it
   * @param fetches whether a plain read is treated as an instruction fetch, so that a write says
   *     nothing about it
   * @param ignores whether bits 63 to 56 of input addresses are ignored: bit 0 for addresses with
   *     bit 55 clear, bit 1 for those with bit 55 set
   */
  protected final void judge(boolean silent, boolean fetches, int ignores) {
    writesAreSilent = silent;
    readsAreFetches = fetches;
    ignoresTop = ignores;
  }

  /**
   * For resolvers: sets one of the words that the configuration was resolved from.
   *
   * @param place 0 to 11
   */
  protected final void word(int place, long word) {
    words[place] = word;
  }

  /**
   * For resolvers: sets one of the words that the second stage was resolved from.
   *
   * @param place 0 to 11
   */
  protected final void secondWord(int place, long word) {
    secondWords[place] = word;
  }

  /** VT-d domain id or SMMUv3 VMID, by which invalidations of the second stage name it. */
  public final int domain() {
    return domain;
  }

  /** VT-d PASID or SMMUv3 ASID, by which invalidations of the first stage name it in addition. */
  public final int process() {
    return process;
  }

  /** The PASID or SubstreamID whose configuration this is, 0 if there is none. */
  public final int pasid() {
    return pasid;
  }

  /** Whether a first stage translates. */
  public final boolean usesFirst() {
    return usesFirst;
  }

  /** Whether a second stage translates. */
  public final boolean usesSecond() {
    return usesSecond;
  }

  /**
   * Whether bits 63 to 56 of input addresses are ignored: bit 0 for addresses with bit 55 clear,
   * bit 1 for those with bit 55 set.
   */
  final int ignoresTop() {
    return ignoresTop;
  }

  /** An input address with its ignored bits replaced by bit 55. */
  public final long untagged(long address) {
    return untagged(address, ignoresTop);
  }

  static long untagged(long address, int ignoresTop) {
    int range = address << 8 < 0 ? 2 : 1;
    return (ignoresTop & range) == 0 ? address : address << 8 >> 8;
  }

  /**
   * The rights that a hit may grant without reading the tables, after a walk for {@code access}.
   */
  public final int usable(int access) {
    int usable = writesAreSilent || (access & Access.WRITE) != 0 ? Access.ATOMIC : Access.READ;
    return readsAreFetches && access != Access.READ ? usable & Access.WRITE : usable;
  }

  /**
   * The input addresses that can be mapped: pairs of a first and a last address, in ascending
   * unsigned order.
   */
  public abstract long[] inputRanges();

  /**
   * Size minus 1 of the block of addresses that an entry of a table maps.
   *
   * @param input the input address, which may select a granule
   * @param stage 1 or 2
   * @param level level as in a refusal, 4 bits
   */
  public abstract long block(long input, int stage, int level);

  /**
   * Size minus 1 of the block of addresses whose entries of a first-stage table lie in one block of
   * the second stage, which may be smaller than the table.
   *
   * @param input the input address, which may select a granule
   * @param level level of the entry that points to the table, or {@link #START}
   * @param secondLevel level of the second stage's block, 4 bits
   */
  public abstract long blockOfPiece(long input, int level, int secondLevel);

  /**
   * Size minus 1 of the block of input addresses that a refusal without a stage concerns, or -1 if
   * it concerns every address from there on.
   */
  public abstract long blockOfRefusal(int code);

  /**
   * Whether a present first-stage entry maps a page or block.
   *
   * @param level as the format numbers levels
   */
  public abstract boolean isFirstStageLeaf(int level, long entry);
}
