package dev.nestwalk;

import dev.nestwalk.cache.AddressSpaces;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.cache.WalkNotes;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.walk.Kernel;
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
public final class Endpoint implements AddressSpaces.Requester {
  private static final int PLAIN = Access.ATOMIC;
  private static final long NEVER = -1;

  /** Bits of an answer above the place in the smallest block. */
  static final long ABOVE = -4096;

  private final Translator translator;
  private final InvalidationLog log;
  private final TranslationCache iotlb;
  private final int sourceId;
  private final int pasid;

  /** Configuration and tags hold as long as this is the log's number. */
  long epoch = NEVER;

  /** The log's number as long as the IOTLB's preferred place may answer. */
  long hitEpoch = NEVER;

  /** Answers what the preferred place does not; there is one while {@link #epoch} holds. */
  @Nullable Kernel kernel;

  // What a look into the IOTLB needs for the size expected, copied from cache and address space.
  int shift = AddressSpaces.shiftOf(0);
  int hashShift = shift - TranslationCache.ENTRY_SHIFT;
  long blockMask = -1L << shift;
  final long offsets;
  long origin;
  long low;
  long expected;

  int sizeClass;

  /** Log2 of the span of the answers that {@link #sizeClass} is for. */
  private int span;

  private long stoppedBy;

  // Its place in the translator's table.
  boolean isAdmitted;
  @Nullable Endpoint older;
  @Nullable Endpoint newer;

  /** What the unit's registers make of the requester now. */
  private Configuration configuration;

  // A unit that is switched off and on again may find its configurations as they were: that of the
  // state that it is not in waits here.
  private boolean isOfOff;
  private @Nullable Configuration other;

  Endpoint(Translator translator, int sourceId, int pasid) {
    this.translator = translator;
    log = translator.log;
    iotlb = translator.iotlb;
    offsets = iotlb.offsets();
    this.sourceId = sourceId;
    this.pasid = pasid;
    configuration = new Configuration(translator, sourceId, pasid);
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
    assert translator.isOwn();
    if (log.published() == hitEpoch && isPlain(access)) {
      long place = place(iova);
      long word1 = TranslationCache.word1At(place);
      if (isAnswer(place, word1, iova, access)) {
        return answer(word1, iova);
      }
    }
    return miss(iova, access);
  }

  // The look into the IOTLB, in three steps between which the caller holds what was read: in one
  // that gives an answer or 0, loops of hits ask once more whether there was one.

  /** Where the IOTLB has an address first of all. */
  long place(long iova) {
    return TranslationCache.preferred(iova, hashShift, offsets, origin);
  }

  /** Whether word 1 of that place answers. */
  boolean isAnswer(long place, long word1, long iova, int access) {
    return TranslationCache.answers(place, word1, iova & blockMask ^ low, expected, access);
  }

  /** What word 1 answers. */
  long answer(long word1, long iova) {
    return word1 & ABOVE | iova & ~blockMask;
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
  public int translate(long[] iovas, long[] answers, int from, int count, int access) {
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
   * Reads guest memory as the device would.
   *
   * @param iova first byte
   * @param into takes as many bytes as it has
   * @return how many bytes were read: less than all if one was refused or lies outside memory,
   *     which {@link #stoppedBy} then tells
   */
  public long read(long iova, MemorySegment into) {
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
  public long read(long iova, MemorySegment into, long at, long length) {
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
  public long write(long iova, MemorySegment from) {
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
  public long write(long iova, MemorySegment from, long at, long length) {
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
  public @Nullable MemorySegment slice(long iova, long length, int access) {
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
  public long stoppedBy() {
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
  public long translate(MemorySegment iovas, MemorySegment answers, int access) {
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
  public long translateRange(long iova, long length, int access, DmaRuns runs) {
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
   * What the preferred place of the IOTLB does not answer.
   *
   * <p>The acquire read of the log also keeps the walk's plain reads from being made before it.
   */
  private long miss(long iova, int access) {
    Kernel fast = kernel;
    if (log.latest() != epoch || fast == null || !isPlain(access)) {
      return anew(iova, access);
    }
    long answer = fast.translate(iova, access);
    return answer == 0 ? full(iova, access) : noted(answer);
  }

  /** An answer; the next one is expected to be of this size. */
  long noted(long answer) {
    if (Translation.spanLog2(answer) != span) {
      span = Translation.spanLog2(answer);
      if (translator.keeps) {
        expectClass(AddressSpaces.classOf(Math.max(span, AddressSpaces.shiftOf(0))));
      }
    }
    return answer;
  }

  /** A request that is not plain, or the first one after an invalidation. */
  private long anew(long iova, int access) {
    if (!isPlain(access) || !translator.caches || !prepare()) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    Kernel fast = kernel;
    long answer = fast == null ? 0 : fast.translate(iova, access);
    return answer == 0 ? full(iova, access) : noted(answer);
  }

  /** What the kernel leaves to those who know every rule; the configuration is current. */
  long full(long iova, int access) {
    Kernel fast = kernel;
    if (fast == null) {
      throw new IllegalStateException("no kernel although the configuration is resolved");
    }
    if (fast.isBusy()) {
      fast = configuration.specialise();
      kernel = fast;
      long answer = fast.translate(iova, access);
      if (answer != 0) {
        return noted(answer);
      }
    }
    Restrictions.Restriction barred = configuration.restriction();
    if (barred != null) {
      RegionKind kind = barred.input().kindAt(iova);
      if (kind != null) {
        return translator.refuse(sourceId, pasid, iova, access, kind, 0);
      }
    }
    CachedPlan plan = configuration.plan();
    // What the IOTLB holds it holds without ignored bits, where invalidations find it.
    long key = plan.untagged(iova);
    long answer = configuration.walk(iova, access);
    boolean nested = plan.usesFirst() && plan.usesSecond();
    WalkNotes notes = translator.tables.notes();
    int inputSpan = Math.max(notes.inputSpan(), Translation.spanLog2(answer));
    if (barred != null && !Translation.isFault(answer)) {
      long intermediate = nested ? notes.intermediate() : -1;
      answer = translator.judged(barred, sourceId, pasid, iova, key, access, answer, intermediate);
    }
    if (Translation.isFault(answer)) {
      return answer;
    }
    if (translator.keeps) {
      if (notes.isGlobal()) {
        configuration.space().setGlobal();
      }
      int rights = Translation.rights(answer) & plan.usable(access);
      fast.keep(key, answer, rights, inputSpan);
    }
    return noted(answer);
  }

  /** Sizes in use are tried in turn; the one that answered last is tried first. */
  private void expectClass(int newClass) {
    sizeClass = newClass;
    shift = AddressSpaces.shiftOf(newClass);
    hashShift = shift - TranslationCache.ENTRY_SHIFT;
    blockMask = -1L << shift;
    expected = TranslationCache.expect(configuration.space().translations, newClass);
    if (translator.counting) {
      expected |= TranslationCache.UNFINDABLE;
    }
  }

  /** Makes configuration and tags current; false if the configuration refuses every request. */
  boolean prepare() {
    translator.catchUp();
    if (isOfOff != translator.tables.isOff()) {
      isOfOff = !isOfOff;
      Configuration next = other;
      other = configuration;
      configuration = next == null ? new Configuration(translator, sourceId, pasid) : next;
    }
    if (!configuration.prepare()) {
      return false;
    }
    translator.endpoints.admit(this);
    kernel = configuration.kernel();
    low = configuration.space().translations.low();
    origin = iotlb.origin(configuration.space().translations);
    expectClass(sizeClass);
    epoch = translator.spaces.applied();
    hitEpoch = translator.keeps && iotlb.isPooled() ? epoch : NEVER;
    return true;
  }

  /** Gives back what it has of the caches; the next translation resolves its configuration anew. */
  void forget() {
    configuration.giveBack();
    if (other != null) {
      other.giveBack();
    }
    refresh();
  }

  /** The configuration as it is now. */
  CachedPlan plan() {
    return configuration.plan();
  }

  /** Under what tables of requesters have it. */
  long id() {
    return Restrictions.key(sourceId, pasid);
  }

  @Override
  public void refresh() {
    epoch = NEVER;
    hitEpoch = NEVER;
  }
}
