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

  /** As {@link CachedPlan#ignoresTop}. */
  final int ignoresTop;

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
  boolean global;

  /** Requesters that use it. */
  int users;

  // Neighbours in the major's chain of its kind, and in the minor's where a first stage translates.
  @Nullable AddressSpace nextInMajor;
  @Nullable AddressSpace nextInMinor;
  private @Nullable AddressSpace previousInMajor;
  private @Nullable AddressSpace previousInMinor;
  @Nullable AddressSpace sameHash;

  AddressSpace(
      long[] words,
      long hash,
      boolean usesFirst,
      int minor,
      int ignoresTop,
      Scope everything,
      Scope major,
      Scope minorScope) {
    this.words = words.clone();
    this.hash = hash;
    this.usesFirst = usesFirst;
    this.minor = minor;
    this.ignoresTop = ignoresTop;
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

  /** Number of the last invalidation of partial walks, plus 1. */
  long structureStamp() {
    return Math.max(structureStamp, major.structureStamp);
  }

  /** Says that some translations hold for every minor of the major. */
  public void setGlobal() {
    global = true;
    major.global = true;
  }

  /** Enters the chains of its scopes. */
  void link() {
    @Nullable AddressSpace next = usesFirst ? major.firsts : major.seconds;
    nextInMajor = next;
    if (next != null) {
      next.previousInMajor = this;
    }
    if (usesFirst) {
      major.firsts = this;
      @Nullable AddressSpace nextOfMinor = minorScope.firsts;
      nextInMinor = nextOfMinor;
      if (nextOfMinor != null) {
        nextOfMinor.previousInMinor = this;
      }
      minorScope.firsts = this;
    } else {
      major.seconds = this;
    }
  }

  /** Leaves the chains of its scopes. */
  void unlink() {
    if (nextInMajor != null) {
      nextInMajor.previousInMajor = previousInMajor;
    }
    if (previousInMajor != null) {
      previousInMajor.nextInMajor = nextInMajor;
    } else if (usesFirst) {
      major.firsts = nextInMajor;
    } else {
      major.seconds = nextInMajor;
    }
    if (nextInMinor != null) {
      nextInMinor.previousInMinor = previousInMinor;
    }
    if (previousInMinor != null) {
      previousInMinor.nextInMinor = nextInMinor;
    } else if (usesFirst) {
      minorScope.firsts = nextInMinor;
    }
  }
}
