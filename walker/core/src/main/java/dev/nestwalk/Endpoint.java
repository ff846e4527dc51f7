package dev.nestwalk;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.TranslationCache;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One requester: a source id with or without a PASID. Its configuration is resolved on first use
 * and again after an invalidation that names it.
 *
 * <p>An IOTLB hit gives the answer that the walk would give: the whole tag, the block and every
 * requested right have to match, and a write hits only if no dirty flag is left to set. Requests
 * with other {@link Access} bits than {@link Access#READ} and {@link Access#WRITE} are always
 * walked.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class Endpoint extends AddressLookup {
  /** The answer that ended the last copy or slice early. */
  long stoppedBy;

  Endpoint(Translator translator, int sourceId, int pasid) {
    super(translator, sourceId, pasid);
  }

  /** Requester id or StreamID. */
  public int sourceId() {
    return sourceId;
  }

  /** PASID or SubstreamID, or -1 if there is none. */
  public int pasid() {
    return pasid;
  }

  /**
   * Translates one byte of DMA. Any table content gives an answer, never an exception; nothing is
   * allocated.
   *
   * @param iova byte address, all 64 bits significant
   * @param access {@link Access} bits
   * @return a packed {@link Translation}; after a refusal {@link Translator#lastFault} has the
   *     details
   * @throws IllegalArgumentException for an access that no request can have
   */
  public long translate(long iova, int access) {
    assert translator.isOwn();
    if (log.published() == hitEpoch && isPlain(access)) {
      long place = place(iova);
      long word1 = TranslationCache.word1At(place);
      // Made before it is known to be one: in a process that mostly misses, the JIT would not
      // inline a call that few get to.
      long answer = answer(word1, iova);
      if (isAnswer(place, word1, iova, access)) {
        return answer;
      }
    }
    return miss(iova, access);
  }

  /**
   * Translates many addresses, each as {@link #translate(long, int)} does. {@link
   * Translator#lastFault} describes the last refusal.
   *
   * @param iovas byte addresses
   * @param answers packed {@link Translation}s, at the indices of their addresses
   * @param from first index
   * @param count number of addresses
   * @param access {@link Access} bits
   * @return how many were refused
   * @throws IndexOutOfBoundsException if {@code [from, from + count)} is not within both arrays
   * @throws IllegalArgumentException for an access that no request can have
   */
  public int translate(long[] iovas, long[] answers, int from, int count, int access) {
    return batch(iovas, answers, from, count, access, null);
  }

  /**
   * Translates many addresses, each as {@link #translate(long, int)} does, and tells of each
   * refusal: for a caller that has to record them all.
   *
   * @param iovas byte addresses
   * @param answers packed {@link Translation}s, at the indices of their addresses
   * @param from first index
   * @param count number of addresses
   * @param access {@link Access} bits
   * @param listener hears of each refusal, in the order of the addresses
   * @return how many were refused
   * @throws IndexOutOfBoundsException if {@code [from, from + count)} is not within both arrays
   * @throws IllegalArgumentException for an access that no request can have
   */
  public int translate(
      long[] iovas, long[] answers, int from, int count, int access, RefusalListener listener) {
    Objects.requireNonNull(listener, "listener");
    return batch(iovas, answers, from, count, access, listener);
  }

  private int batch(
      long[] iovas,
      long[] answers,
      int from,
      int count,
      int access,
      @Nullable RefusalListener listener) {
    Objects.checkFromIndexSize(from, count, Objects.requireNonNull(iovas, "iovas").length);
    Objects.checkFromIndexSize(from, count, Objects.requireNonNull(answers, "answers").length);
    checkAccess(access);
    translator.hold();
    try {
      return translator.batch.translate(this, iovas, answers, from, count, access, listener);
    } finally {
      translator.release(this);
      // The caches' shares of the shared memory are released once the translator is unreachable.
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Reads guest memory as the device would.
   *
   * @param iova address of the first byte
   * @param into destination; its size is the number of bytes to read
   * @return how many bytes were read; less than all if one was refused or lies outside memory, and
   *     {@link #stoppedBy} then says why
   */
  public long read(long iova, MemorySegment into) {
    return DmaCopy.copy(
        this, iova, into, 0, Objects.requireNonNull(into, "into").byteSize(), Access.READ);
  }

  /**
   * Reads guest memory into a part of a segment.
   *
   * @param iova address of the first byte
   * @param into receives {@code length} bytes at offset {@code at}
   * @return how many bytes were read; less than all if one was refused or lies outside memory, and
   *     {@link #stoppedBy} then says why
   * @throws IndexOutOfBoundsException if the part is not within the segment
   */
  public long read(long iova, MemorySegment into, long at, long length) {
    Objects.checkFromIndexSize(at, length, Objects.requireNonNull(into, "into").byteSize());
    return DmaCopy.copy(this, iova, into, at, length, Access.READ);
  }

  /**
   * Writes guest memory as the device would.
   *
   * @param iova address of the first byte
   * @param from source; all its bytes are written
   * @return how many bytes were written; less than all if one was refused, lies outside memory or
   *     lies in read-only memory, and {@link #stoppedBy} then says why
   */
  public long write(long iova, MemorySegment from) {
    return DmaCopy.copy(
        this, iova, from, 0, Objects.requireNonNull(from, "from").byteSize(), Access.WRITE);
  }

  /**
   * Writes a part of a segment to guest memory.
   *
   * @param iova address of the first byte
   * @param from source of {@code length} bytes at offset {@code at}
   * @return how many bytes were written; less than all if one was refused, lies outside memory or
   *     lies in read-only memory, and {@link #stoppedBy} then says why
   * @throws IndexOutOfBoundsException if the part is not within the segment
   */
  public long write(long iova, MemorySegment from, long at, long length) {
    Objects.checkFromIndexSize(at, length, Objects.requireNonNull(from, "from").byteSize());
    return DmaCopy.copy(this, iova, from, at, length, Access.WRITE);
  }

  /**
   * The guest memory behind {@code [iova, iova + length)} without a copy, for a device that keeps
   * it mapped. The segment does not follow changes of the tables: ask again after an invalidation.
   *
   * @return null if a byte was refused or lies outside memory ({@link #stoppedBy} then says why),
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
   * does for an array. Both segments hold 64-bit words in native byte order.
   *
   * @param iovas byte addresses; a multiple of 8 bytes long
   * @param answers receives packed {@link Translation}s; at least as long
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
        all += translator.batch.translate(this, in, out, 0, count, access, null);
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
   * per page or block.
   *
   * @param iova address of the first byte
   * @param length bytes, at least 1; the range must not wrap
   * @param runs receives the runs; adjacent ones are merged
   * @return how many bytes the runs cover; less than {@code length} if a byte was refused, which
   *     {@link Translator#lastFault} then describes, or if {@code runs} is full
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

  /** Checks the access also of a batch without addresses. */
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
