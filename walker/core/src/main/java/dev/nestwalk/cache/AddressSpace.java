package dev.nestwalk.cache;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What requesters with one configuration see, under one tag in the caches. Requesters with equal
 * configuration share it.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class AddressSpace {
  private final long[] words;
  final long hash;
  final boolean usesFirst;
  final int minor;
  final Scope everything;
  final Scope major;
  final Scope minorScope;

  /** Translations in the IOTLB. */
  public final Tag translations = new Tag();

  /** Partial walks of the first stage; for a second stage, all of its walks. */
  public final Tag structures = new Tag();

  long tagsAt = -1;
  long structureStamp;

  /** Bit n: the IOTLB may hold translations of size class n. */
  public int classes;

  /** Log2 of the largest block that the IOTLB holds in smaller pieces, 0 for none. */
  public int fractured;

  /** Some translations hold for every minor (Arm: global). */
  public boolean global;

  /** Requesters that use it. */
  int users;

  @Nullable AddressSpace nextInMajor;
  @Nullable AddressSpace previousInMajor;
  @Nullable AddressSpace sameHash;

  AddressSpace(
      long[] words,
      long hash,
      boolean usesFirst,
      int minor,
      Scope everything,
      Scope major,
      Scope minorScope) {
    this.words = words.clone();
    this.hash = hash;
    this.usesFirst = usesFirst;
    this.minor = minor;
    this.everything = everything;
    this.major = major;
    this.minorScope = minorScope;
  }

  boolean hasWords(long[] others) {
    return Arrays.equals(words, others);
  }

  /** Number of the last invalidation of all of this space, plus 1. */
  long stamp() {
    long stamp = Math.max(everything.stamp, major.stamp);
    if (usesFirst) {
      stamp = Math.max(stamp, Math.max(major.firstStamp, minorScope.firstStamp));
    }
    return stamp;
  }
}
