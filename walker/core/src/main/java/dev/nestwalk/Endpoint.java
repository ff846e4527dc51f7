package dev.nestwalk;

import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
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
public final class Endpoint extends AddressLookup {
  /** The answer at which the last copy or slice ended early. */
  long stoppedBy;

  Endpoint(Translator translator, int sourceId, int pasid) {
    super(translator, sourceId, pasid);
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
    return DmaCopy.copy(
        this, iova, into, 0, Objects.requireNonNull(into, "into").byteSize(), Access.READ);
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
    return DmaCopy.copy(this, iova, into, at, length, Access.READ);
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
    return DmaCopy.copy(
        this, iova, from, 0, Objects.requireNonNull(from, "from").byteSize(), Access.WRITE);
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
    return DmaCopy.copy(this, iova, from, at, length, Access.WRITE);
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
      return DmaCopy.slice(this, iova, length, access);
    } finally {
      translator.release(this);
    }
  }

  /** The answer for the byte at which the last read, write or slice ended early. */
  public long stoppedBy() {
    return stoppedBy;
  }

  /**
   * Translates addresses held in a segment, as {@link #translate(long[], long[], int, int, int)}
   * does for an array: 64-bit words in native order.
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
      return runs.fill(this, iova, length, access);
    } finally {
      translator.release(this);
    }
  }

  /** A batch without addresses asks for nothing either. */
  private static void checkAccess(int access) {
    if (!Access.isValid(access)) {
      throw new IllegalArgumentException(
          "access 0x%x: expected Access bits that go together".formatted(access));
    }
  }

  @Override
  Endpoint itself() {
    return this;
  }
}
