package dev.nestwalk.iotlb;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The translations of all requesters with equal configuration, under one tag in the caches.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class AddressSpace {
  private final long[] words;
  final long hash;
  final boolean usesFirst;
  final int process;

  /** As {@link CachedPlan#ignoresTop}. */
  final int ignoresTop;

  final Scope everything;
  final Scope domain;
  final Scope processScope;

  /** The tag of translations in the IOTLB. */
  public final Tag translations = new Tag();

  /** The tag of partial walks of the first stage; for a second stage, of all its walks. */
  public final Tag structures = new Tag();

  long tagsAt = -1;
  long structureStamp;

  /** Bit n: the IOTLB may hold translations of size class n. */
  int classes;

  /** Log2 of the largest block that the IOTLB holds as several smaller pages, 0 for none. */
  int fractured;

  /** Whether some translations hold for every process (Arm: global). */
  boolean global;

  /** Number of requesters that use it. */
  int users;

  // Neighbours in the chain of the domain and, if a first stage translates, of the process.
  @Nullable AddressSpace nextInDomain;
  @Nullable AddressSpace nextInProcess;
  private @Nullable AddressSpace previousInDomain;
  private @Nullable AddressSpace previousInProcess;
  @Nullable AddressSpace sameHash;

  AddressSpace(
      long[] words,
      long hash,
      boolean usesFirst,
      int process,
      int ignoresTop,
      Scope everything,
      Scope domain,
      Scope processScope) {
    this.words = words.clone();
    this.hash = hash;
    this.usesFirst = usesFirst;
    this.process = process;
    this.ignoresTop = ignoresTop;
    this.everything = everything;
    this.domain = domain;
    this.processScope = processScope;
  }

  boolean hasWords(long[] others) {
    return Arrays.equals(words, others);
  }

  /** Number of the last invalidation of the whole space, plus 1. */
  long stamp() {
    long stamp = Math.max(everything.stamp, domain.stamp);
    if (usesFirst) {
      stamp = Math.max(stamp, Math.max(domain.firstStamp, processScope.firstStamp));
    }
    return stamp;
  }

  /** Number of the last invalidation of partial walks, plus 1. */
  long structureStamp() {
    return Math.max(structureStamp, domain.structureStamp);
  }

  /** Bit n: the IOTLB may hold translations of size class n. */
  public int classes() {
    return classes;
  }

  /** For caches: from now on the IOTLB may hold translations of this size class. */
  public void keeps(int sizeClass) {
    classes |= 1 << sizeClass;
  }

  /**
   * For caches: from now on the IOTLB may hold a block of 2^{@code log2} bytes as several smaller
   * pages.
   */
  public void fracture(int log2) {
    fractured = Math.max(fractured, log2);
  }

  /** Notes that some translations hold for every process of the domain. */
  public void setGlobal() {
    global = true;
    domain.global = true;
  }

  /** Inserts this into the chains of its scopes. */
  void link() {
    @Nullable AddressSpace next = usesFirst ? domain.firsts : domain.seconds;
    nextInDomain = next;
    if (next != null) {
      next.previousInDomain = this;
    }
    if (usesFirst) {
      domain.firsts = this;
      @Nullable AddressSpace nextOfProcess = processScope.firsts;
      nextInProcess = nextOfProcess;
      if (nextOfProcess != null) {
        nextOfProcess.previousInProcess = this;
      }
      processScope.firsts = this;
    } else {
      domain.seconds = this;
    }
  }

  /** Removes this from the chains of its scopes. */
  void unlink() {
    if (nextInDomain != null) {
      nextInDomain.previousInDomain = previousInDomain;
    }
    if (previousInDomain != null) {
      previousInDomain.nextInDomain = nextInDomain;
    } else if (usesFirst) {
      domain.firsts = nextInDomain;
    } else {
      domain.seconds = nextInDomain;
    }
    if (nextInProcess != null) {
      nextInProcess.previousInProcess = previousInProcess;
    }
    if (previousInProcess != null) {
      previousInProcess.nextInProcess = nextInProcess;
    } else if (usesFirst) {
      processScope.firsts = nextInProcess;
    }
  }
}
