package dev.nestwalk;

import dev.nestwalk.cache.AddressSpace;
import dev.nestwalk.cache.AddressSpaces;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import org.jspecify.annotations.Nullable;

/**
 * One requester: a source id with or without a PASID. Its configuration is resolved on first use
 * and again after an invalidation that names it.
 *
 * <p>A hit in the IOTLB answers only what the walk would: the whole tag, the block and every right
 * asked for have to match, and a write is answered only where no dirty flag is left to set.
 * Requests with more than {@link Access#READ} and {@link Access#WRITE} are always walked anew.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class Endpoint implements AddressSpaces.Requester {
  private static final int PLAIN = Access.ATOMIC;
  private static final long NEVER = -1;

  /** A bit that every entry has clear: whoever expects it set finds nothing at once. */
  private static final long UNFINDABLE = 4;

  private final Translator translator;
  private final InvalidationLog log;
  private final TranslationCache iotlb;
  private final int sourceId;
  private final int pasid;
  private final CachedPlan plan;

  // What a hit needs, copied from the address space; valid while epoch is the log's.
  private long epoch = NEVER;
  private int shift = AddressSpaces.shiftOf(0);
  private long low;
  private long salt;
  private long expected;

  private int sizeClass;
  private @Nullable AddressSpace space;
  private @Nullable AddressSpace second;

  Endpoint(Translator translator, int sourceId, int pasid) {
    this.translator = translator;
    log = translator.log;
    iotlb = translator.iotlb;
    this.sourceId = sourceId;
    this.pasid = pasid;
    plan = translator.newPlan();
  }

  /** Requester id or StreamID. */
  public int sourceId() {
    return sourceId;
  }

  /** PASID or SubstreamID, -1 for none. */
  public int pasid() {
    return pasid;
  }

  /**
   * Translates one byte of DMA. Every table content gives an answer; nothing is allocated.
   *
   * @param iova byte address, all 64 bits significant
   * @param access valid {@link Access} bits
   * @return a packed {@link Translation}; after a refusal {@link Translator#lastFault} has the
   *     whole of it
   */
  public long translate(long iova, int access) {
    if (log.published == epoch) {
      int blockShift = shift;
      long found = iotlb.findFirst(iova, blockShift, low, salt, expected, access & Access.ALL);
      if (found != 0) {
        return found & TranslationCache.PAYLOAD | iova & (1L << blockShift) - 1;
      }
    }
    return miss(iova, access);
  }

  private long miss(long iova, int access) {
    if ((access & ~PLAIN) != 0 || access == 0 || !translator.caches) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    if (log.published != epoch && !prepare()) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    AddressSpace current = space();
    if (translator.keeps) {
      long found = lookAround(current, iova, access);
      if (found != 0) {
        translator.structures.counters.hits++;
        return found;
      }
      translator.structures.counters.misses++;
    }
    long answer = translator.walk(plan, sourceId, pasid, iova, access);
    if (translator.keeps && !Translation.isFault(answer)) {
      keep(current, iova, access, answer);
    }
    return answer;
  }

  private AddressSpace space() {
    AddressSpace current = space;
    if (current == null) {
      throw new IllegalStateException("no address space although the configuration is resolved");
    }
    return current;
  }

  /** Every place and size where the translation may be. */
  private long lookAround(AddressSpace current, long iova, int access) {
    int classes = current.classes;
    for (int candidate = 0; classes != 0; candidate++, classes >>>= 1) {
      if ((classes & 1) != 0) {
        int blockShift = AddressSpaces.shiftOf(candidate);
        long found = iotlb.find(iova, blockShift, current.translations, candidate, access);
        if (found != 0) {
          expectClass(current, candidate);
          return found & TranslationCache.PAYLOAD | iova & (1L << blockShift) - 1;
        }
      }
    }
    return 0;
  }

  private void keep(AddressSpace current, long iova, int access, long answer) {
    int newClass = AddressSpaces.classOf(Translation.spanLog2(answer));
    int blockShift = AddressSpaces.shiftOf(newClass);
    int inputSpan = translator.inputSpan();
    if (inputSpan > blockShift && inputSpan > current.fractured) {
      current.fractured = inputSpan;
    }
    current.classes |= 1 << newClass;
    current.global |= translator.isGlobal();
    boolean writes = plan.writesAreSilent || (access & Access.WRITE) != 0;
    int usable = Translation.rights(answer) & (writes ? Access.ATOMIC : Access.READ);
    if (plan.readsAreFetches && access != Access.READ) {
      usable &= Access.WRITE;
    }
    long within = (1L << blockShift) - 1;
    iotlb.put(
        iova,
        blockShift,
        current.translations,
        newClass,
        answer & TranslationCache.PAYLOAD & ~within,
        usable);
    expectClass(current, newClass);
  }

  /** Sizes in use are tried in turn; the one that answered last is tried first. */
  private void expectClass(AddressSpace current, int newClass) {
    sizeClass = newClass;
    shift = AddressSpaces.shiftOf(newClass);
    expected = TranslationCache.expect(current.translations, newClass);
    if (translator.counting) {
      expected |= UNFINDABLE;
    }
  }

  /** Makes configuration and tags current; false if the configuration refuses every request. */
  private boolean prepare() {
    translator.catchUp();
    AddressSpace current = space;
    if (current == null) {
      if (!translator.resolve(plan, sourceId, pasid)) {
        return false;
      }
      current = translator.spaces.of(plan);
      space = current;
      plan.firstTag = current.structures;
      if (plan.usesSecond) {
        AddressSpace secondSpace = translator.spaces.secondOf(plan);
        second = secondSpace;
        plan.secondTag = secondSpace.structures;
      }
    }
    if (second != null) {
      translator.spaces.freshen(second);
    }
    translator.spaces.freshen(current);
    if (second != null) {
      // Fresh tags for the one may have used up the last ones of the other.
      translator.spaces.freshen(second);
    }
    low = current.translations.low();
    salt = current.translations.salt();
    expectClass(current, sizeClass);
    epoch = translator.spaces.applied();
    return true;
  }

  @Override
  public void forget(int ignoredSourceBits, int ofPasid, long ofSourceId, long major) {
    boolean named =
        (ofSourceId < 0 || ((sourceId ^ (int) ofSourceId) & ~ignoredSourceBits) == 0)
            && (ofPasid < 0 || ofPasid == plan.pasid)
            && (major < 0 || major == plan.major);
    AddressSpace current = space;
    if (named && current != null) {
      translator.spaces.release(current);
      space = null;
      if (second != null) {
        translator.spaces.release(second);
        second = null;
      }
      epoch = NEVER;
    }
  }

  @Override
  public void refresh() {
    epoch = NEVER;
  }
}
