package dev.nestwalk.iotlb;

import dev.nestwalk.dma.Access;
import java.util.Arrays;

/**
 * A requester's resolved configuration, as far as caches need to know it: which address space it
 * selects and by what invalidations name that. Formats add what their walks need. Only whoever
 * resolves a configuration writes to its plan; a walk leaves what it finds in {@link WalkNotes}.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public abstract class CachedPlan {
  /** Number of words that identify a configuration. */
  static final int WORDS = 13;

  /** The {@link #domain} of requests that pass because the unit is off. */
  public static final int UNTRANSLATED = -1;

  /**
   * Everything that the configuration was resolved from: equal words, equal translations. The last
   * one is for whoever keeps the plan.
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

  /** A plan to be filled. */
  protected CachedPlan() {}

  /**
   * For those who resolve: which address space the configuration selects. Forgets all words.
   *
   * @param newDomain VT-d domain id, SMMUv3 VMID: what an invalidation of the second stage names
   * @param newProcess VT-d PASID, SMMUv3 ASID: what one of the first stage names besides
   * @param newPasid the PASID or SubstreamID whose configuration this is, 0 where there is none
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
   * For those who resolve: what a hit may answer.
   *
   * @param silent a write leaves no trace in the tables that a read has not left, so a read may
   *     cache it
   * @param fetches a read alone is judged as an instruction fetch, so a write tells nothing about
   *     it
   * @param ignores whether bits 63 to 56 of input addresses do not count: bit 0 of those with bit
   *     55 clear, bit 1 of those with bit 55 set
   */
  protected final void judge(boolean silent, boolean fetches, int ignores) {
    writesAreSilent = silent;
    readsAreFetches = fetches;
    ignoresTop = ignores;
  }

  /** For those who resolve: a word that the configuration was resolved from, 0 to 11. */
  protected final void word(int place, long word) {
    words[place] = word;
  }

  /** For those who resolve: a word that the second stage was resolved from, 0 to 11. */
  protected final void secondWord(int place, long word) {
    secondWords[place] = word;
  }

  /** VT-d domain id, SMMUv3 VMID: what an invalidation of the second stage names. */
  public final int domain() {
    return domain;
  }

  /** VT-d PASID, SMMUv3 ASID: what an invalidation of the first stage names besides. */
  public final int process() {
    return process;
  }

  /** The PASID or SubstreamID whose configuration this is, 0 where there is none. */
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
   * Whether bits 63 to 56 of input addresses do not count: bit 0 of those with bit 55 clear, bit 1
   * of those with bit 55 set.
   */
  final int ignoresTop() {
    return ignoresTop;
  }

  /** An input address with its ignored bits as bit 55. */
  public final long untagged(long address) {
    return untagged(address, ignoresTop);
  }

  static long untagged(long address, int ignoresTop) {
    int range = address << 8 < 0 ? 2 : 1;
    return (ignoresTop & range) == 0 ? address : address << 8 >> 8;
  }

  /**
   * The rights that a hit may grant without a look at the tables, after a walk for {@code access}.
   */
  public final int usable(int access) {
    int usable = writesAreSilent || (access & Access.WRITE) != 0 ? Access.ATOMIC : Access.READ;
    return readsAreFetches && access != Access.READ ? usable & Access.WRITE : usable;
  }

  /**
   * Input addresses that may be mapped: pairs of a first and a last address, ascending and
   * unsigned.
   */
  public abstract long[] inputRanges();

  /**
   * Size less one of the block of addresses for which an entry of a table stands.
   *
   * @param input the input address, which may select a granule
   * @param stage 1 or 2
   * @param level as a refusal has it, 4 bits
   */
  public abstract long block(long input, int stage, int level);

  /**
   * Size less one of the block of input addresses that a refusal without a stage is about, or -1 if
   * it is about every address from there on.
   */
  public abstract long blockOfRefusal(int code);

  /** Whether a present first-stage entry at a level, as the format counts, maps a page or block. */
  public abstract boolean isFirstStageLeaf(int level, long entry);
}
