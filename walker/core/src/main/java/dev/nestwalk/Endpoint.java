package dev.nestwalk;

import dev.nestwalk.cache.AddressSpace;
import dev.nestwalk.cache.AddressSpaces;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.Probe;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.cache.Validity;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.RegionKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
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
public abstract sealed class Endpoint implements AddressSpaces.Requester
    permits VtdEndpoint, SmmuEndpoint {
  private static final int PLAIN = Access.ATOMIC;
  private static final long NEVER = -1;

  /** Bits of an answer above the place in the smallest block. */
  static final long ABOVE = -4096;

  private final Translator translator;
  private final InvalidationLog log;
  private final TranslationCache iotlb;
  private final int sourceId;
  private final int pasid;

  /** What the unit's registers make of the requester now. */
  CachedPlan plan;

  /** Configuration and tags hold as long as this is the log's number. */
  long epoch = NEVER;

  /** The same, where the IOTLB's preferred place may answer. */
  long hitEpoch = NEVER;

  /** The same, where a miss may take the quick way. */
  long quickEpoch = NEVER;

  /** The same, where translations are not kept. */
  long walkEpoch = NEVER;

  // What a look into the IOTLB needs for the size expected, copied from cache and address space:
  // a Probe, but without the way to one.
  int shift = AddressSpaces.shiftOf(0);
  int hashShift = shift - TranslationCache.ENTRY_SHIFT;
  long blockMask = -1L << shift;
  final long offsets;
  long origin;
  long low;
  long expected;

  /** What a hit after a walk for one right may grant besides it. */
  private int silentRights;

  /** What DMA must not meet, or null; as of the configuration at hand. */
  Restrictions.@Nullable Restriction restriction;

  int sizeClass;
  private long stoppedBy;
  private @Nullable AddressSpace space;
  private @Nullable AddressSpace second;
  private @Nullable Validity validity;

  // Its place in the translator's table.
  boolean isAdmitted;
  @Nullable Endpoint older;
  @Nullable Endpoint newer;

  // A unit that is switched off and on again may find its configurations as they were: those of the
  // state that it is not in wait here.
  private boolean planIsOfOff;
  private @Nullable CachedPlan otherPlan;
  private @Nullable AddressSpace otherSpace;
  private @Nullable Validity otherValidity;
  private @Nullable AddressSpace otherSecond;
  private Restrictions.@Nullable Restriction otherRestriction;

  Endpoint(Translator translator, CachedPlan plan, int sourceId, int pasid) {
    this.translator = translator;
    log = translator.log;
    iotlb = translator.iotlb;
    offsets = iotlb.offsets();
    this.sourceId = sourceId;
    this.pasid = pasid;
    this.plan = plan;
  }

  /** Requester id or StreamID. */
  public final int sourceId() {
    return sourceId;
  }

  /** PASID or SubstreamID, -1 for none. */
  public final int pasid() {
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
  public final long translate(long iova, int access) {
    assert translator.isOwn();
    if (log.published == hitEpoch && isPlain(access)) {
      long at = TranslationCache.preferred(iova, hashShift, offsets, origin);
      long word1 = TranslationCache.word1At(at);
      if (TranslationCache.answers(at, word1, iova & blockMask ^ low, expected, access)) {
        return word1 & ABOVE | iova & ~blockMask;
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
   * @throws IllegalArgumentException for an access that no request can have
   */
  public final int translate(long[] iovas, long[] answers, int from, int count, int access) {
    Objects.checkFromIndexSize(from, count, Objects.requireNonNull(iovas, "iovas").length);
    Objects.checkFromIndexSize(from, count, Objects.requireNonNull(answers, "answers").length);
    checkAccess(access);
    translator.hold();
    try {
      return translator.batch.translate(this, iovas, answers, from, count, access);
    } finally {
      translator.release(this);
      // The caches' parts of the shared memory are theirs as long as this can be reached.
      Reference.reachabilityFence(this);
    }
  }

  /**
   * The rights that a hit may grant without a look at the tables, after a walk for {@code access}.
   */
  final int usable(int access) {
    int usable = plan.writesAreSilent || (access & Access.WRITE) != 0 ? Access.ATOMIC : Access.READ;
    return plan.readsAreFetches && access != Access.READ ? usable & Access.WRITE : usable;
  }

  /**
   * Reads guest memory as the device would.
   *
   * @param iova first byte
   * @param into takes as many bytes as it has
   * @return how many bytes were read: less than all if one was refused or lies outside memory,
   *     which {@link #stoppedBy} then tells
   */
  public final long read(long iova, MemorySegment into) {
    return copy(iova, into, 0, Objects.requireNonNull(into, "into").byteSize(), Access.READ);
  }

  /**
   * Reads guest memory into a part of a segment.
   *
   * @param iova first byte
   * @param into takes {@code length} bytes from {@code at} on
   * @return how many bytes were read: less than all if one was refused or lies outside memory,
   *     which {@link #stoppedBy} then tells
   * @throws IndexOutOfBoundsException if the part is not within the segment
   */
  public final long read(long iova, MemorySegment into, long at, long length) {
    Objects.checkFromIndexSize(at, length, Objects.requireNonNull(into, "into").byteSize());
    return copy(iova, into, at, length, Access.READ);
  }

  /**
   * Writes guest memory as the device would.
   *
   * @param iova first byte
   * @param from all its bytes are written
   * @return how many bytes were written: less than all if one was refused, lies outside memory or
   *     in memory that takes no writes, which {@link #stoppedBy} then tells
   */
  public final long write(long iova, MemorySegment from) {
    return copy(iova, from, 0, Objects.requireNonNull(from, "from").byteSize(), Access.WRITE);
  }

  /**
   * Writes a part of a segment to guest memory.
   *
   * @param iova first byte
   * @param from {@code length} bytes from {@code at} on are written
   * @return how many bytes were written: less than all if one was refused, lies outside memory or
   *     in memory that takes no writes, which {@link #stoppedBy} then tells
   * @throws IndexOutOfBoundsException if the part is not within the segment
   */
  public final long write(long iova, MemorySegment from, long at, long length) {
    Objects.checkFromIndexSize(at, length, Objects.requireNonNull(from, "from").byteSize());
    return copy(iova, from, at, length, Access.WRITE);
  }

  /** Each piece is copied before the next is asked for, so no answer is held beyond that. */
  private long copy(long iova, MemorySegment other, long start, long length, int access) {
    GuestMemory memory = translator.memory;
    long done = 0;
    while (done < length) {
      long answer = translate(iova + done, access);
      long piece = inBlock(iova + done, answer, length - done);
      long at = Translation.address(answer);
      long copied =
          access == Access.READ
              ? memory.read(at, other, start + done, piece)
              : memory.write(at, other, start + done, piece);
      if (copied == 0) {
        stoppedBy = answer;
        return done;
      }
      done += copied;
    }
    return done;
  }

  /**
   * The guest memory behind {@code [iova, iova + length)} without a copy, for a device that keeps
   * it mapped. It stays what it is when tables change: ask again after an invalidation.
   *
   * @return null if a byte was refused or lies outside memory, which {@link #stoppedBy} then tells,
   *     or if the output is not contiguous
   * @throws IllegalArgumentException for an empty range
   */
  public final @Nullable MemorySegment slice(long iova, long length, int access) {
    if (length < 1) {
      throw new IllegalArgumentException("slice of %d bytes: expected some".formatted(length));
    }
    translator.hold();
    try {
      return sliceOf(iova, length, access);
    } finally {
      translator.release(this);
    }
  }

  private @Nullable MemorySegment sliceOf(long iova, long length, int access) {
    long start = 0;
    for (long done = 0; done < length; ) {
      long answer = translate(iova + done, access);
      long piece = inBlock(iova + done, answer, length - done);
      long output = Translation.address(answer);
      boolean writable = (access & Access.WRITE) == 0 || translator.memory.isWritable(output);
      stoppedBy = answer;
      if (piece == 0 || !writable || done != 0 && output != start + done) {
        return null;
      }
      start = done == 0 ? output : start;
      done += piece;
    }
    return translator.memory.sliceOrNull(start, length);
  }

  /** The answer for the byte at which the last read, write or slice ended early. */
  public final long stoppedBy() {
    return stoppedBy;
  }

  /** Bytes from an address to the end of what its answer covers, at most {@code most}; or 0. */
  private static long inBlock(long iova, long answer, long most) {
    if (Translation.isFault(answer)) {
      return 0;
    }
    long span = Translation.span(answer);
    return Math.min(span - (iova & span - 1), most);
  }

  /**
   * The same from memory to memory: 64-bit words in native order.
   *
   * @param iovas byte addresses, a multiple of 8 bytes
   * @param answers packed {@link Translation}s, at least as many bytes
   * @return how many were refused
   * @throws IllegalArgumentException if the sizes do not fit, or for an access that no request can
   *     have
   */
  public final long translate(MemorySegment iovas, MemorySegment answers, int access) {
    Objects.requireNonNull(answers, "answers");
    long bytes = Objects.requireNonNull(iovas, "iovas").byteSize();
    checkAccess(access);
    if ((bytes & 7) != 0 || answers.byteSize() < bytes) {
      throw new IllegalArgumentException(
          "%d bytes of addresses, %d of answers: expected whole words and room for as many"
              .formatted(bytes, answers.byteSize()));
    }
    long[] in = translator.chunkIn;
    long[] out = translator.chunkOut;
    long all = 0;
    translator.hold();
    try {
      for (long at = 0; at < bytes; at += 8L * in.length) {
        int count = (int) Math.min(in.length, bytes - at >>> 3);
        MemorySegment.copy(iovas, ValueLayout.JAVA_LONG_UNALIGNED, at, in, 0, count);
        all += translator.batch.translate(this, in, out, 0, count, access);
        MemorySegment.copy(out, 0, answers, ValueLayout.JAVA_LONG_UNALIGNED, at, count);
      }
    } finally {
      translator.release(this);
      Reference.reachabilityFence(this);
    }
    return all;
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
  public final long translateRange(long iova, long length, int access, DmaRuns runs) {
    if (length < 1 || Long.compareUnsigned(iova + (length - 1), iova) < 0) {
      throw new IllegalArgumentException(
          "range of %d bytes at 0x%x: expected at least one, without wrap".formatted(length, iova));
    }
    Objects.requireNonNull(runs, "runs").clear();
    translator.hold();
    try {
      return fill(runs, iova, length, access);
    } finally {
      translator.release(this);
    }
  }

  private long fill(DmaRuns runs, long iova, long length, int access) {
    long done = 0;
    while (done < length) {
      long at = iova + done;
      long answer = translate(at, access);
      if (Translation.isFault(answer)) {
        runs.refuse(answer);
        return done;
      }
      long piece = inBlock(at, answer, length - done);
      if (!runs.add(Translation.address(answer), piece)) {
        return done;
      }
      done += piece;
    }
    return done;
  }

  /** A batch without addresses asks for nothing either. */
  private static void checkAccess(int access) {
    if (!Access.isValid(access)) {
      throw new IllegalArgumentException(
          "access 0x%x: expected Access bits that go together".formatted(access));
    }
  }

  /** Read, write or both: what hits are about. */
  static boolean isPlain(int access) {
    return Integer.compareUnsigned(access - 1, PLAIN) < 0;
  }

  /**
   * What the preferred place of the IOTLB does not answer: first the usual way, in few steps, then
   * every rule: configuration, what is barred, all sizes, the whole walk.
   *
   * <p>One method on purpose: with more than 325 bytes of code, which is what the JIT inlines at
   * most, it stays out of {@link #translate}, and that so is small enough for its callers' loops.
   */
  private long miss(long iova, int access) {
    // The acquire read also keeps the walk's plain reads from being made before it.
    long latest = log.latest();
    boolean plain = isPlain(access);
    if (latest == walkEpoch && plain) {
      long answer = walkQuickly(iova, access);
      if (answer != 0) {
        return answer;
      }
    } else if (latest == quickEpoch
        && plain
        && space().classes == 1 << sizeClass
        && !plan.isTagged(iova)) {
      long answer = missQuickly(iova, access);
      if (answer != 0) {
        return answer;
      }
    }
    if (!plain || !translator.caches || latest != epoch && !prepare()) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    Restrictions.Restriction barred = restriction;
    if (barred != null) {
      RegionKind kind = barred.input().kindAt(iova);
      if (kind != null) {
        return translator.refuse(sourceId, pasid, iova, access, kind, 0);
      }
    }
    CacheCounters counters = translator.structures.counters;
    AddressSpace current = space();
    // What the IOTLB holds it holds without ignored bits, where invalidations find it.
    long key = plan.untagged(iova);
    if (translator.keeps) {
      long known = known(current, key, access);
      if (known != 0) {
        counters.hits++;
        return known;
      }
    }
    counters.misses++;
    plan.global = false;
    plan.inputSpan = 0;
    long answer = translator.walk(plan, sourceId, pasid, iova, access);
    boolean nested = plan.usesFirst && plan.usesSecond;
    int inputSpan = Math.max(plan.inputSpan, Translation.spanLog2(answer));
    plan.inputSpan = 0;
    if (barred != null && !Translation.isFault(answer)) {
      long intermediate = nested ? plan.intermediate : -1;
      answer = translator.judged(barred, sourceId, pasid, iova, key, access, answer, intermediate);
    }
    if (translator.keeps && !Translation.isFault(answer)) {
      keep(current, key, access, answer, inputSpan);
    }
    return answer;
  }

  // The quick ways belong to the formats: each so has code of its own, which the JIT shapes after
  // that format alone, whatever else the JVM translates.

  /** Takes the walker that the translator now has. */
  abstract void renew();

  /** A miss of small pages behind known tables, kept; or 0, and nothing is done. */
  abstract long missQuickly(long iova, int access);

  /** The same where translations are not kept. */
  abstract long walkQuickly(long iova, int access);

  /** What the other places of the IOTLB have in the size expected, or 0. */
  final long knownElsewhere(long iova, int access) {
    long found = iotlb.findOther(iova, shift, origin, low, expected, access);
    return found == 0 ? 0 : found & ABOVE | iova & ~blockMask;
  }

  /**
   * Keeps a quick walk's answer if it is of the size expected and nothing is barred there.
   *
   * @return the answer, or 0 if all rules have to be asked
   */
  final long keepQuickly(long iova, int access, long answer) {
    int blockShift = shift;
    if (Translation.spanLog2(answer) != blockShift
        || plan.inputSpan > blockShift
        || restriction != null && !isFree(restriction, iova, blockShift)) {
      return 0;
    }
    long granted = Translation.rights(answer) & (access | silentRights);
    long word1 = expected | answer & TranslationCache.PAYLOAD & blockMask | granted;
    iotlb.fill(iova, blockShift, origin, low, word1);
    return answer;
  }

  /** Whether nothing is barred in the block, nor in the intermediate one of the walk just made. */
  private boolean isFree(Restrictions.Restriction barred, long iova, int blockShift) {
    boolean nested = plan.usesFirst && plan.usesSecond;
    return barred.input().isBlockFree(iova, blockShift)
        && (!nested || barred.below().isBlockFree(plan.intermediate, blockShift));
  }

  /** What the IOTLB has in any size in use, or 0; the size that answers is tried first next. */
  final long known(AddressSpace current, long iova, int access) {
    int classes = current.classes;
    for (int candidate = 0; classes != 0; candidate++, classes >>>= 1) {
      if ((classes & 1) != 0) {
        int blockShift = AddressSpaces.shiftOf(candidate);
        long wanted = TranslationCache.expect(current.translations, candidate);
        long found = iotlb.find(iova, blockShift, origin, low, wanted, access);
        if (found != 0) {
          expectClass(current, candidate);
          return found & ABOVE | iova & (1L << blockShift) - 1;
        }
      }
    }
    return 0;
  }

  /**
   * Keeps a walk's answer, with the rights that a hit may grant without a look at the tables.
   *
   * @param iova the address without ignored bits
   * @param inputSpan log2 of the page that the tables map there, which may be larger than what the
   *     answer holds for
   */
  final void keep(AddressSpace current, long iova, int access, long answer, int inputSpan) {
    if (Translation.spanLog2(answer) < AddressSpaces.shiftOf(0)) {
      // A reserved region begins or ends within the page.
      return;
    }
    int newClass = AddressSpaces.classOf(Translation.spanLog2(answer));
    int blockShift = AddressSpaces.shiftOf(newClass);
    int mapped = Math.max(inputSpan, Translation.spanLog2(answer));
    if (mapped > blockShift && mapped > current.fractured) {
      current.fractured = mapped;
    }
    current.classes |= 1 << newClass;
    if (plan.global) {
      current.setGlobal();
    }
    int usable = Translation.rights(answer) & usable(access);
    long page = answer & TranslationCache.PAYLOAD & -(1L << blockShift);
    if (iotlb.put(iova, blockShift, current.translations, newClass, page, usable)) {
      translator.structures.counters.evictions++;
    }
    expectClass(current, newClass);
  }

  final AddressSpace space() {
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
    hashShift = shift - TranslationCache.ENTRY_SHIFT;
    blockMask = -1L << shift;
    expected = TranslationCache.expect(current.translations, newClass);
    if (translator.counting) {
      expected |= Probe.UNFINDABLE;
    }
  }

  /** Makes configuration and tags current; false if the configuration refuses every request. */
  final boolean prepare() {
    translator.catchUp();
    if (planIsOfOff != translator.isOff()) {
      changeOver();
    }
    renew();
    Validity named = validity;
    if (named != null && !named.holds()) {
      giveBack();
    }
    AddressSpace current = space;
    if (current == null) {
      if (!translator.resolve(plan, sourceId, pasid)) {
        return false;
      }
      restriction = translator.restrictions.of(Restrictions.key(sourceId, pasid));
      plan.words[CachedPlan.WORDS - 1] = restriction == null ? 0 : restriction.id();
      current = translator.spaces.of(plan);
      space = current;
      validity = translator.spaces.validity(sourceId, plan);
      plan.firstTag = current.structures;
      if (plan.usesSecond) {
        AddressSpace secondSpace = translator.spaces.secondOf(plan);
        second = secondSpace;
        plan.secondTag = secondSpace.structures;
      }
    }
    translator.endpoints.admit(this);
    if (second != null) {
      translator.spaces.freshen(second);
    }
    translator.spaces.freshen(current);
    if (second != null) {
      // Fresh tags for the one may have used up the last ones of the other.
      translator.spaces.freshen(second);
    }
    low = current.translations.low();
    origin = iotlb.origin(current.translations);
    expectClass(current, sizeClass);
    epoch = translator.spaces.applied();
    hitEpoch = translator.keeps && iotlb.isPooled() ? epoch : NEVER;
    plan.aim(translator.structures);
    boolean walks = plan.usesFirst || plan.usesSecond;
    boolean quick = walks && !translator.counting && !plan.readsAreFetches;
    quickEpoch = quick && translator.keeps ? epoch : NEVER;
    walkEpoch = quick && !translator.keeps && restriction == null ? epoch : NEVER;
    silentRights = usable(Access.READ);
    return true;
  }

  /** Exchanges what holds while the unit is on and what holds while it is off. */
  private void changeOver() {
    planIsOfOff = !planIsOfOff;
    CachedPlan nextPlan = otherPlan == null ? newPlan() : otherPlan;
    AddressSpace nextSpace = otherSpace;
    AddressSpace nextSecond = otherSecond;
    Validity nextValidity = otherValidity;
    Restrictions.Restriction nextRestriction = otherRestriction;
    otherPlan = plan;
    otherSpace = space;
    otherValidity = validity;
    otherSecond = second;
    otherRestriction = restriction;
    plan = nextPlan;
    space = nextSpace;
    validity = nextValidity;
    second = nextSecond;
    restriction = nextRestriction;
  }

  /** A plan to be filled. */
  abstract CachedPlan newPlan();

  /** Gives back what it has of the caches; the next translation resolves its configuration anew. */
  final void forget() {
    giveBack();
    changeOver();
    giveBack();
    refresh();
  }

  /** Gives back the configuration at hand. */
  private void giveBack() {
    Validity named = validity;
    if (space != null) {
      translator.spaces.release(space);
    }
    if (second != null) {
      translator.spaces.release(second);
    }
    if (named != null) {
      translator.spaces.release(named);
    }
    space = null;
    second = null;
    validity = null;
  }

  /** Under what tables of requesters have it. */
  final long id() {
    return Restrictions.key(sourceId, pasid);
  }

  @Override
  public final void refresh() {
    epoch = NEVER;
    hitEpoch = NEVER;
    quickEpoch = NEVER;
    walkEpoch = NEVER;
  }
}
