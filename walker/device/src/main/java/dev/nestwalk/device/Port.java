package dev.nestwalk.device;

import dev.nestwalk.Endpoint;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A device's way through a unit to memory: one requester, with or without PASID. Refusals are
 * recorded by the unit, accesses that the unit stalls wait here until software resumes them,
 * interrupt messages go to the {@link InterruptSink}.
 *
 * <p>{@link #read} and {@link #write} are over when they return, and nobody waits for the thread
 * afterwards. An answer of {@link #translate} may be used until the next call of any port of this
 * thread or until {@link #done}: until then a guest that invalidates waits. So a device says {@code
 * done} before it waits for something.
 *
 * <p>Threads: belongs to the thread that asked the unit for it.
 */
public final class Port {
  private final Unit unit;
  private final DmaThread thread;
  private final Endpoint endpoint;
  private long stoppedBy;

  Port(Unit unit, DmaThread thread, Endpoint endpoint) {
    this.unit = unit;
    this.thread = thread;
    this.endpoint = endpoint;
  }

  /** Requester id or StreamID. */
  public int sourceId() {
    return endpoint.sourceId();
  }

  /** PASID or SubstreamID, -1 for none. */
  public int pasid() {
    return endpoint.pasid();
  }

  /** The unit it goes through. */
  public Unit unit() {
    return unit;
  }

  /**
   * Translates one byte of DMA. A refusal is reported to the unit; if the unit holds the access,
   * this waits until software resumed it.
   *
   * @param iova byte address, all 64 bits significant
   * @param access valid {@link Access} bits
   * @return a packed {@link Translation}, which may be used until the next call or {@link #done};
   *     or a refusal, also {@link Outcome#INTERRUPT}
   */
  public long translate(long iova, int access) {
    thread.hold();
    long answer = endpoint.translate(iova, access);
    return Translation.isFault(answer) ? refused(iova, access, answer) : answer;
  }

  /** Reports a refusal; the answer that the access ends with. */
  private long refused(long iova, int access, long refusal) {
    long answer = refusal;
    while (Translation.isFault(answer) && Translation.code(answer) != Outcome.INTERRUPT.code()) {
      Stall stall = unit.post(this, thread.translator.lastFault());
      if (stall == null) {
        return answer;
      }
      thread.translator.pause();
      Stall.@Nullable Decision decision = stall.await();
      thread.translator.resume();
      if (decision != Stall.Decision.RETRY) {
        if (decision == null) {
          unit.giveUp(stall);
        }
        return answer;
      }
      answer = endpoint.translate(iova, access);
    }
    return answer;
  }

  /**
   * Reads memory.
   *
   * @param iova first byte
   * @param into takes as many bytes as it has
   * @return how many bytes were read: less than all if one was refused or nothing is there, which
   *     {@link #stoppedBy} then tells
   */
  public long read(long iova, MemorySegment into) {
    return copy(iova, into, Access.READ);
  }

  /**
   * Writes memory.
   *
   * @param iova first byte
   * @param from all its bytes are written
   * @return how many bytes were written: less than all if one was refused or nothing takes them,
   *     which {@link #stoppedBy} then tells
   */
  public long write(long iova, MemorySegment from) {
    return copy(iova, from, Access.WRITE);
  }

  private long copy(long iova, MemorySegment other, int access) {
    thread.enter();
    try {
      long done = 0;
      while (true) {
        MemorySegment rest = done == 0 ? other : other.asSlice(done);
        done +=
            access == Access.READ
                ? endpoint.read(iova + done, rest)
                : endpoint.write(iova + done, rest);
        if (done == other.byteSize()) {
          return done;
        }
        long answer = endpoint.stoppedBy();
        if (Translation.isFault(answer)) {
          answer = refused(iova + done, access, answer);
        } else {
          answer = Translation.fault(Outcome.ABORTED.code(), 0, 0);
        }
        if (Translation.isFault(answer)) {
          stoppedBy = answer;
          return done;
        }
      }
    } finally {
      thread.leave();
    }
  }

  /** The answer for the byte at which the last read or write ended early. */
  public long stoppedBy() {
    return stoppedBy;
  }

  /**
   * The last refusal on this thread; filled again by the next one. A refused access with record has
   * been reported to the unit.
   */
  public FaultRecord lastFault() {
    return thread.translator.lastFault();
  }

  /**
   * Asks software for a page (PCIe PRI). The answer comes to {@link PageResponses}.
   *
   * @param iova any byte of the page
   * @param access {@link Access} bits wanted; 0 with {@code last} is a stop marker
   * @param group page request group index, 9 bits
   * @param last whether the group ends with this request, so that it is answered
   */
  public void requestPage(long iova, int access, int group, boolean last) {
    unit.request(this, iova, access, group, last);
  }

  /** The thread uses no answer of its ports any longer; nobody waits for it until the next call. */
  public void done() {
    thread.release();
  }
}
