package dev.nestwalk;

import dev.nestwalk.cache.AddressSpace;
import dev.nestwalk.cache.AddressSpaces;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
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

  /**
   * Translates many addresses; each has an answer of its own, as {@link #translate(long, int)}
   * gives it. {@link Translator#lastFault} tells the last refusal.
   *
   * @param iovas byte addresses
   * @param answers packed {@link Translation}s, at the same places
   * @param from first place
   * @param count how many
   * @param access valid {@link Access} bits
   * @return how many were refused
   * @throws IndexOutOfBoundsException if the places are not in both arrays
   */
  public int translate(long[] iovas, long[] answers, int from, int count, int access) {
    Objects.checkFromIndexSize(from, count, iovas.length);
    Objects.checkFromIndexSize(from, count, answers.length);
    int refused = 0;
    int end = from + count;
    int at = from;
    while (at < end) {
      // A loop of hits calls nothing, so the JIT keeps what a probe needs in registers.
      if (log.latest() == epoch) {
        at = hits(iovas, answers, at, end, access);
      }
      if (at < end) {
        long answer = translate(iovas[at], access);
        answers[at++] = answer;
        refused += Translation.isFault(answer) ? 1 : 0;
      }
    }
    return refused;
  }

  /** Answers from {@code at} on as long as the IOTLB has them; where it has not. */
  private int hits(long[] iovas, long[] answers, int at, int end, int access) {
    int blockShift = shift;
    long within = (1L << blockShift) - 1;
    int i = at;
    for (; i < end; i++) {
      long iova = iovas[i];
      long found = iotlb.findFirst(iova, blockShift, low, salt, expected, access & Access.ALL);
      if (found == 0) {
        break;
      }
      answers[i] = found & TranslationCache.PAYLOAD | iova & within;
    }
    return i;
  }

  /**
   * The same from memory to memory: 64-bit words in native order.
   *
   * @param iovas byte addresses, a multiple of 8 bytes
   * @param answers packed {@link Translation}s, at least as many bytes
   * @return how many were refused
   * @throws IllegalArgumentException if the sizes do not fit
   */
  public long translate(MemorySegment iovas, MemorySegment answers, int access) {
    long bytes = iovas.byteSize();
    if ((bytes & 7) != 0 || answers.byteSize() < bytes) {
      throw new IllegalArgumentException(
          "%d bytes of addresses, %d of answers: expected whole words and room for as many"
              .formatted(bytes, answers.byteSize()));
    }
    long refused = 0;
    for (long at = 0; at < bytes; at += 8) {
      long answer = translate(iovas.get(ValueLayout.JAVA_LONG_UNALIGNED, at), access);
      answers.set(ValueLayout.JAVA_LONG_UNALIGNED, at, answer);
      refused += Translation.isFault(answer) ? 1 : 0;
    }
    return refused;
  }

  /**
   * Translates {@code [iova, iova + length)} into runs of contiguous output, with one translation
   * per block that answers alike.
   *
   * @param iova first byte
   * @param length bytes, at least 1; the range does not wrap
   * @param runs filled with the runs; neighbours that continue each other are one
   * @return how many bytes the runs cover: less than {@code length} if a byte was refused, which
   *     {@link Translator#lastFault} then tells, or if {@code runs} is full
   * @throws IllegalArgumentException for an empty range or one that wraps
   */
  public long translateRange(long iova, long length, int access, DmaRuns runs) {
    if (length < 1 || Long.compareUnsigned(iova + (length - 1), iova) < 0) {
      throw new IllegalArgumentException(
          "range of %d bytes at 0x%x: expected at least one, without wrap".formatted(length, iova));
    }
    runs.clear();
    long done = 0;
    while (done < length) {
      long at = iova + done;
      long answer = translate(at, access);
      if (Translation.isFault(answer)) {
        runs.refuse(answer);
        return done;
      }
      long inBlock = Translation.span(answer) - (at & Translation.span(answer) - 1);
      long piece = Math.min(inBlock, length - done);
      if (!runs.add(Translation.address(answer), piece)) {
        return done;
      }
      done += piece;
    }
    return done;
  }

  /**
   * Looks at the other places and sizes, then walks and keeps the answer. One method on purpose: in
   * this size the JIT leaves it out of {@link #translate}, which so stays small enough to be
   * inlined into its callers; in pieces it was drawn in and a hit took 1.4 ns more.
   */
  private long miss(long iova, int access) {
    if ((access & ~PLAIN) != 0 || access == 0 || !translator.caches) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    if (log.published != epoch && !prepare()) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    AddressSpace current = space();
    CacheCounters counters = translator.structures.counters;
    if (!translator.keeps) {
      counters.misses++;
      return translator.walk(plan, sourceId, pasid, iova, access);
    }
    int classes = current.classes;
    for (int candidate = 0; classes != 0; candidate++, classes >>>= 1) {
      if ((classes & 1) != 0) {
        int blockShift = AddressSpaces.shiftOf(candidate);
        long found = iotlb.find(iova, blockShift, current.translations, candidate, access);
        if (found != 0) {
          counters.hits++;
          expectClass(current, candidate);
          return found & TranslationCache.PAYLOAD | iova & (1L << blockShift) - 1;
        }
      }
    }
    counters.misses++;
    long answer = translator.walk(plan, sourceId, pasid, iova, access);
    if (Translation.isFault(answer)) {
      return answer;
    }
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
    long page = answer & TranslationCache.PAYLOAD & -(1L << blockShift);
    iotlb.put(iova, blockShift, current.translations, newClass, page, usable);
    expectClass(current, newClass);
    return answer;
  }

  private AddressSpace space() {
    AddressSpace current = space;
    if (current == null) {
      throw new IllegalStateException("no address space although the configuration is resolved");
    }
    return current;
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
