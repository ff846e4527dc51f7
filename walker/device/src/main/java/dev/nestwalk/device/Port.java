package dev.nestwalk.device;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Endpoint;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A device's connection to memory through a unit: one requester, with or without PASID. The unit
 * records what it refuses. An access that it stalls waits in the port until software resumes or
 * terminates it. Interrupt messages go to the {@link InterruptSink}, accesses outside memory to the
 * {@link MmioTarget}.
 *
 * <p>{@link #read}, {@link #write} and the atomic operations are complete when they return; no
 * guest waits for the thread afterwards. What {@link #translate}, {@link #translateRange} and
 * {@link #slice} answer may be used until the next call of any port of this thread or {@link
 * #done}: until then a guest that invalidates waits. A device that waits for work at a {@link
 * Doorbell} is done.
 *
 * <p>Threads: belongs to the thread that asked the unit for it.
 */
public final class Port {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int MESSAGE = 4;
  private static final long GRANULE = 4096;
  private static final int ADD = 0;
  private static final int SWAP = 1;
  private static final int COMPARE_AND_SWAP = 2;

  private final Unit unit;
  private final DmaThread thread;
  private final Endpoint endpoint;
  private long stoppedBy;

  /** The last refusal ended without an error. */
  private boolean zero;

  /** Answers in use together, of a call that software held. */
  private final Together together;

  Port(Unit unit, DmaThread thread, Endpoint endpoint) {
    this.unit = unit;
    this.thread = thread;
    this.endpoint = endpoint;
    together = new Together(unit, this, thread, endpoint);
  }

  /** Requester id or StreamID. */
  public int sourceId() {
    return endpoint.sourceId();
  }

  /** PASID or SubstreamID, -1 for none. */
  public int pasid() {
    return endpoint.pasid();
  }

  /** The unit that translates for it. */
  public Unit unit() {
    return unit;
  }

  /**
   * Translates one byte of DMA.
   *
   * @param iova byte address, all 64 bits significant
   * @param access valid {@link Access} bits
   * @return a packed {@link Translation}, which may be used until the next call or {@link #done};
   *     or a refusal, {@link Outcome#INTERRUPT} among them
   */
  public long translate(long iova, int access) {
    thread.hold();
    long answer = endpoint.translate(iova, access);
    return Translation.isFault(answer) ? refused(iova, access, answer) : answer;
  }

  /**
   * Translates many addresses. Each has an answer of its own, and each refusal is recorded. The
   * answers are in use together: if software held an access, those given before it was resumed are
   * made again. Where software takes back what it has given, over and over, the batch ends with
   * refusals.
   *
   * @param iovas byte addresses
   * @param answers packed {@link Translation}s, at the indices of their addresses; another array
   * @param from first index
   * @param count number of addresses
   * @param access valid {@link Access} bits
   * @return how many were refused
   * @throws IndexOutOfBoundsException if {@code [from, from + count)} is not within both arrays
   * @throws IllegalArgumentException if both arrays are the same one
   */
  @SuppressWarnings("ReferenceEquality")
  public int translate(long[] iovas, long[] answers, int from, int count, int access) {
    if (iovas == answers) {
      throw new IllegalArgumentException("answers over their addresses: expected another array");
    }
    thread.hold();
    return together.translate(iovas, answers, from, count, access);
  }

  /**
   * Translates {@code [iova, iova + length)} into runs of contiguous output.
   *
   * @param iova first byte
   * @param length bytes, at least 1; the range does not wrap
   * @param runs receives the runs; adjacent ones are merged
   * @return how many bytes the runs cover: less than {@code length} if a byte was refused or if
   *     {@code runs} is full
   * @throws IllegalArgumentException for an empty range or one that wraps
   */
  public long translateRange(long iova, long length, int access, DmaRuns runs) {
    thread.hold();
    return together.translateRange(iova, length, access, runs);
  }

  /**
   * The guest memory behind {@code [iova, iova + length)} without a copy. It stays what it is when
   * tables change; use it no longer than an answer.
   *
   * @return null if a byte was refused or lies outside memory, which {@link #stoppedBy} then tells,
   *     or if the output is not contiguous
   * @throws IllegalArgumentException for an empty range
   */
  public @Nullable MemorySegment slice(long iova, long length, int access) {
    thread.hold();
    MemorySegment slice = together.slice(iova, length, access);
    stoppedBy = slice == null ? endpoint.stoppedBy() : 0;
    return slice;
  }

  /**
   * Reports a refusal to the unit, and waits if that holds the access; the answer that the access
   * ends with.
   */
  private long refused(long iova, int access, long refusal) {
    long answer = refusal;
    zero = false;
    while (Translation.isFault(answer) && !Outcome.isLibraryCode(Translation.code(answer))) {
      Stall stall = unit.post(this, thread.translator.lastFault());
      if (stall == null) {
        return answer;
      }
      Stall.Decision decision = thread.await(stall);
      if (decision != Stall.Decision.RETRY) {
        if (decision == Stall.Decision.GIVEN_UP) {
          unit.giveUp(stall);
        }
        zero = decision == Stall.Decision.ZERO;
        return answer;
      }
      answer = endpoint.translate(iova, access);
    }
    return answer;
  }

  /**
   * Reads.
   *
   * @param iova first byte
   * @param into takes as many bytes as it has
   * @return how many bytes were read: less than all if one was refused or nothing is there, which
   *     {@link #stoppedBy} then tells
   */
  public long read(long iova, MemorySegment into) {
    return read(iova, into, 0, into.byteSize());
  }

  /**
   * Reads into a part of a segment.
   *
   * @param iova first byte
   * @param into takes {@code length} bytes from {@code at} on
   * @return how many bytes were read: less than all if one was refused or nothing is there, which
   *     {@link #stoppedBy} then tells
   * @throws IndexOutOfBoundsException if the part is not within the segment
   */
  public long read(long iova, MemorySegment into, long at, long length) {
    thread.enter();
    try {
      stoppedBy = 0;
      long done = endpoint.read(iova, into, at, length);
      return done == length ? done : readOn(iova, into, at, length, done);
    } finally {
      thread.leave();
    }
  }

  /** Goes on where memory ended or a translation was refused. */
  private long readOn(long iova, MemorySegment into, long at, long length, long before) {
    long done = before;
    while (done < length) {
      long here = iova + done;
      long answer = endpoint.stoppedBy();
      if (Translation.isFault(answer)) {
        answer = refused(here, Access.READ, answer);
        if (Translation.isFault(answer) && !zero) {
          stoppedBy = answer;
          return done;
        }
        if (zero) {
          long piece = Math.min(GRANULE - (here & GRANULE - 1), length - done);
          into.asSlice(at + done, piece).fill((byte) 0);
          done += piece;
        }
      } else {
        long piece = inBlock(here, answer, length - done);
        long address = Translation.address(answer);
        long taken = unit.options().mmio().read(address, into, at + done, piece);
        if (taken <= 0) {
          stoppedBy = answer;
          return done;
        }
        done += Math.min(taken, piece);
      }
      done += endpoint.read(iova + done, into, at + done, length - done);
    }
    return done;
  }

  /**
   * Writes. Four bytes to an interrupt address, at a multiple of four, are an interrupt message.
   *
   * @param iova first byte
   * @param from all its bytes are written
   * @return how many bytes were written: less than all if one was refused or nothing takes them,
   *     which {@link #stoppedBy} then tells
   */
  public long write(long iova, MemorySegment from) {
    return write(iova, from, 0, from.byteSize());
  }

  /**
   * Writes a part of a segment. Four bytes to an interrupt address, at a multiple of four, are an
   * interrupt message.
   *
   * @param iova first byte
   * @param from {@code length} bytes from {@code at} on are written
   * @return how many bytes were written: less than all if one was refused or nothing takes them,
   *     which {@link #stoppedBy} then tells
   * @throws IndexOutOfBoundsException if the part is not within the segment
   */
  public long write(long iova, MemorySegment from, long at, long length) {
    thread.enter();
    try {
      stoppedBy = 0;
      long done = endpoint.write(iova, from, at, length);
      return done == length ? done : writeOn(iova, from, at, length, done);
    } finally {
      thread.leave();
    }
  }

  /** Goes on where memory ended or a translation was refused. */
  private long writeOn(long iova, MemorySegment from, long at, long length, long before) {
    long done = before;
    while (done < length) {
      long here = iova + done;
      long answer = endpoint.stoppedBy();
      long taken;
      if (Translation.isFault(answer)) {
        answer = refused(here, Access.WRITE, answer);
        taken =
            isInterrupt(answer) && message(here, here, from, at, length)
                ? MESSAGE
                : zero ? Math.min(GRANULE - (here & GRANULE - 1), length - done) : 0;
        if (Translation.isFault(answer) && taken == 0) {
          stoppedBy = answer;
          return done;
        }
      } else {
        long piece = inBlock(here, answer, length - done);
        long address = Translation.address(answer);
        if (unit.isDoorbell(address)) {
          taken = message(here, address, from, at, length) ? MESSAGE : 0;
        } else {
          taken = Math.min(unit.options().mmio().write(address, from, at + done, piece), piece);
        }
        if (taken <= 0) {
          stoppedBy = answer;
          return done;
        }
      }
      done += taken;
      done += endpoint.write(iova + done, from, at + done, length - done);
    }
    return done;
  }

  private static boolean isInterrupt(long answer) {
    int code = Translation.isFault(answer) ? Translation.code(answer) : 0;
    return code == Outcome.INTERRUPT.code() || code == Outcome.RESERVED_MSI.code();
  }

  /** Sends a write of 32 bits to an interrupt address; false if it is none or no sink takes it. */
  private boolean message(long iova, long address, MemorySegment from, long at, long length) {
    return length == MESSAGE
        && (iova & MESSAGE - 1) == 0
        && unit.options().interrupts().deviceMessage(sourceId(), address, from.get(INT, at));
  }

  /** Bytes from an address to the end of what its answer covers, at most {@code most}. */
  private static long inBlock(long iova, long answer, long most) {
    long span = Translation.span(answer);
    return Math.min(span - (iova & span - 1), most);
  }

  /**
   * Adds to a word in memory (PCIe FetchAdd).
   *
   * @param iova a multiple of {@code size}
   * @param size 4 or 8 bytes, little-endian
   * @return what was there before, zero-extended; 0 if the access was refused or does not reach
   *     memory, which {@link #stoppedBy} then tells
   * @throws IllegalArgumentException for another size or an address that is no multiple of it
   */
  public long fetchAdd(long iova, int size, long addend) {
    return atomic(ADD, iova, size, addend, 0);
  }

  /** Exchanges a word in memory (PCIe Swap); arguments and result as of {@link #fetchAdd}. */
  public long swap(long iova, int size, long replacement) {
    return atomic(SWAP, iova, size, replacement, 0);
  }

  /**
   * Exchanges a word in memory if it holds what is expected (PCIe CAS); arguments and result as of
   * {@link #fetchAdd}.
   */
  public long compareAndSwap(long iova, int size, long expected, long replacement) {
    return atomic(COMPARE_AND_SWAP, iova, size, replacement, expected);
  }

  private long atomic(int operation, long iova, int size, long operand, long expected) {
    if (size != 4 && size != 8 || (iova & size - 1) != 0) {
      throw new IllegalArgumentException(
          "atomic operation on %d bytes at 0x%x: expected 4 or 8, aligned".formatted(size, iova));
    }
    thread.enter();
    try {
      return exchange(operation, iova, size, operand, expected);
    } finally {
      thread.leave();
    }
  }

  private long exchange(int operation, long iova, int size, long operand, long expected) {
    stoppedBy = 0;
    long answer = endpoint.translate(iova, Access.ATOMIC);
    if (Translation.isFault(answer)) {
      answer = refused(iova, Access.ATOMIC, answer);
      if (Translation.isFault(answer)) {
        stoppedBy = zero ? 0 : answer;
        return 0;
      }
    }
    long address = Translation.address(answer);
    GuestMemory memory = unit.options().memory();
    if (!memory.isWritable(address)) {
      stoppedBy = answer;
      return 0;
    }
    return switch (operation) {
      case ADD -> memory.fetchAdd(address, size, operand);
      case SWAP -> memory.swap(address, size, operand);
      default -> memory.compareAndSwap(address, size, expected, operand);
    };
  }

  /**
   * The answer for the byte at which the last read, write, slice or atomic operation ended early: a
   * refusal, or a translation to where nothing takes the access. 0 if it did not end early.
   */
  public long stoppedBy() {
    return stoppedBy;
  }

  /**
   * The last refusal on this thread; filled again by the next one. What the architecture records of
   * it has been reported to the unit.
   */
  public FaultRecord lastFault() {
    return thread.translator.lastFault();
  }

  /**
   * Counts of the caches that the ports of this thread share; they count if {@link
   * UnitOptions#caches} says so. Others may read them while they change.
   */
  public CacheCounters counters() {
    return thread.translator.counters();
  }

  /**
   * Asks software for a page (PCIe PRI). The answer comes to {@link PageResponses}.
   *
   * @param iova any byte of the page
   * @param access {@link Access} bits wanted; 0 with {@code last} is a stop marker
   * @param group page request group index, 9 bits
   * @param last whether the group ends with this request, so that it is answered
   * @throws IllegalArgumentException for a group or access that no request can have
   */
  public void requestPage(long iova, int access, int group, boolean last) {
    if (group >>> 9 != 0 || access != 0 && !Access.isValid(access)) {
      throw new IllegalArgumentException(
          "page request of group 0x%x, access 0x%x: expected 9 bits and Access bits"
              .formatted(group, access));
    }
    unit.request(this, iova, access, group, last);
  }

  /**
   * The thread no longer uses an answer of its ports; no guest waits for it until its next call.
   */
  public void done() {
    thread.release();
  }
}
