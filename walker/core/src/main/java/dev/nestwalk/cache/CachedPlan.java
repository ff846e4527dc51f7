package dev.nestwalk.cache;

import dev.nestwalk.dma.Access;

/**
 * A requester's resolved configuration, as far as caches need to know it: which address space it
 * selects and by what invalidations name that. Formats add what their walks need.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public abstract class CachedPlan {
  /** Number of words that identify a configuration. */
  public static final int WORDS = 13;

  /**
   * Everything that the configuration was resolved from: equal words, equal translations. The last
   * one is for whoever keeps the plan.
   */
  public final long[] words = new long[WORDS];

  /** Everything that the second stage was resolved from. */
  public final long[] secondWords = new long[WORDS];

  /** The {@link #major} of requests that pass because the unit is off. */
  public static final int UNTRANSLATED = -1;

  /** VT-d domain id, SMMUv3 VMID: what an invalidation of the second stage names. */
  public int major;

  /** VT-d PASID, SMMUv3 ASID: what an invalidation of the first stage names besides. */
  public int minor;

  /** The PASID or SubstreamID whose configuration this is, 0 where there is none. */
  public int pasid;

  /** A first stage translates. */
  public boolean usesFirst;

  /** A second stage translates. */
  public boolean usesSecond;

  /** A write leaves no trace in the tables that a read has not left, so a read may cache it. */
  public boolean writesAreSilent;

  /** A read alone is judged as an instruction fetch, so a write tells nothing about it. */
  public boolean readsAreFetches;

  /**
   * Log2 of the page of input addresses that the tables of the last walk map, where that is larger
   * than what its answer holds for; else that or 0.
   */
  public int inputSpan;

  /** Intermediate address that the last nested walk's first stage gave. */
  public long intermediate;

  /** The last walk's translation holds for every minor (SMMUv3: nG = 0). */
  public boolean global;

  /**
   * Whether bits 63 to 56 of input addresses do not count: bit 0 of those with bit 55 clear, bit 1
   * of those with bit 55 set.
   */
  public int ignoresTop;

  /** A plan to be filled. */
  protected CachedPlan() {}

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
