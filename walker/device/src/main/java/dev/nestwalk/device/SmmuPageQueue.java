package dev.nestwalk.device;

import dev.nestwalk.dma.Access;
import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.GlobalError;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.Idr3;
import dev.nestwalk.smmu.InterruptConfig;
import dev.nestwalk.smmu.PageRequest;
import dev.nestwalk.smmu.QueueIndex;

/**
 * The page request queue (IHI 0070, 8): requests of devices to software, and the answers that the
 * unit gives by itself. Unlike the event queue it takes nothing while an overflow is not
 * acknowledged, even with room.
 *
 * <p>Threads: under the unit's lock.
 */
final class SmmuPageQueue {
  private static final int ENTRY_BYTES = 16;

  private final SmmuRegisters registers;
  private final SmmuErrors errors;
  private final SmmuQueue queue;
  private final GuestMemory memory;
  private final PageResponses responses;
  private final Streams streams;
  private final GuestErrors guestErrors;

  /** What an automatic answer needs of a stream's STE. */
  @FunctionalInterface
  interface Streams {
    /** STE.PPAR as 0 or 1, or -1 if there is no valid STE. */
    int responsePasid(int streamId, int substreamId);
  }

  SmmuPageQueue(
      SmmuRegisters registers,
      SmmuErrors errors,
      GuestMemory memory,
      PageResponses responses,
      Streams streams,
      GuestErrors guestErrors) {
    this.registers = registers;
    this.errors = errors;
    this.memory = memory;
    this.responses = responses;
    this.streams = streams;
    this.guestErrors = guestErrors;
    queue =
        new SmmuQueue(
            registers,
            SmmuRegister.PRIQ_BASE,
            SmmuRegister.PRIQ_PROD,
            SmmuRegister.PRIQ_CONS,
            Idr1.PRIQS.get(registers.get(SmmuRegister.IDR1)),
            ENTRY_BYTES);
  }

  /**
   * What a device asks for.
   *
   * @param substreamId -1 for none
   * @param access {@link Access} bits; 0 with {@code last} and a SubstreamID is a stop marker
   */
  record Request(int streamId, int substreamId, long address, int access, int group, boolean last) {
    boolean hasSubstream() {
      return substreamId >= 0;
    }

    /** Nobody answers one (8.1). */
    boolean isStopMarker() {
      return last && hasSubstream() && (access & Access.ATOMIC) == 0;
    }

    private boolean wants(int right) {
      return (access & right) != 0;
    }
  }

  /** A device's request: queued, or answered at once. */
  void request(Request asked) {
    if (!isOn() || errors.isActive(GlobalError.PRIQ_ABT_ERR)) {
      guestErrors.count("page request while PRIQ takes none", "PRIQ");
      refuse(asked);
      return;
    }
    long prod = registers.get(SmmuRegister.PRIQ_PROD);
    long flag = QueueIndex.OVFLG.mask();
    boolean overflown = ((prod ^ registers.get(SmmuRegister.PRIQ_CONS)) & flag) != 0;
    if (overflown || queue.isFull()) {
      guestErrors.count("page request lost, queue full or overflow not acknowledged", "PRIQ");
      if (!overflown) {
        registers.set(SmmuRegister.PRIQ_PROD, prod ^ flag);
      }
      if (asked.last) {
        answerAlone(asked);
        interruptAtLast();
      }
      return;
    }
    write(asked);
  }

  /** Answers that nothing is served. */
  void refuse(Request asked) {
    answer(asked, -1, PageResponses.Code.FAILURE);
  }

  /** PRIQEN as it takes effect. */
  private boolean isOn() {
    return registers.has(SmmuRegister.CR0, Cr0.PRIQEN)
        && registers.has(SmmuRegister.CR0, Cr0.SMMUEN);
  }

  private void write(Request asked) {
    long w0 = Integer.toUnsignedLong(asked.streamId);
    w0 |= bit(asked.wants(Access.READ), PageRequest.READ);
    w0 |= bit(asked.wants(Access.WRITE), PageRequest.WRITE);
    w0 |= bit(asked.last, PageRequest.LAST);
    if (asked.hasSubstream()) {
      long substream = (long) asked.substreamId << PageRequest.SUBSTREAMID.lo();
      w0 |= PageRequest.SSV.mask() | substream & PageRequest.SUBSTREAMID.mask();
      w0 |= bit(asked.wants(Access.PRIVILEGED), PageRequest.PRIV);
      w0 |= bit(asked.wants(Access.EXECUTE), PageRequest.EXEC);
    }
    long group = asked.group & PageRequest.PRGINDEX.mask();
    int prod = queue.prod();
    boolean first = queue.isEmpty();
    long w1 = asked.address & PageRequest.ADDRESS.mask() | group;
    if (!QueueMemory.write(memory, queue.address(prod), w0, w1)) {
      errors.raise(GlobalError.PRIQ_ABT_ERR);
      refuse(asked);
      return;
    }
    long flag = registers.get(SmmuRegister.PRIQ_PROD) & QueueIndex.OVFLG.mask();
    registers.set(SmmuRegister.PRIQ_PROD, flag | queue.after(prod));
    if (asked.last) {
      interruptAtLast();
    }
    if (first && !registers.has(SmmuRegister.PRIQ_IRQ_CFG2, InterruptConfig.LO)) {
      errors.interrupt(SmmuInterrupts.Source.PRIQ);
    }
  }

  private static long bit(boolean set, Field field) {
    return set ? field.mask() : 0;
  }

  /** With LO = 1: for the last of a group, written or lost. */
  private void interruptAtLast() {
    if (registers.has(SmmuRegister.PRIQ_IRQ_CFG2, InterruptConfig.LO)) {
      errors.interrupt(SmmuInterrupts.Source.PRIQ);
    }
  }

  /** The automatic answer under overflow: success, so that the device tries again (8.2). */
  private void answerAlone(Request asked) {
    int pasid = asked.substreamId;
    PageResponses.Code code = PageResponses.Code.SUCCESS;
    if (asked.hasSubstream() && Idr1.SSIDSIZE.get(registers.get(SmmuRegister.IDR1)) == 0) {
      pasid = -1;
    } else if (asked.hasSubstream()
        && !asked.isStopMarker()
        && !registers.has(SmmuRegister.IDR3, Idr3.PPS)) {
      int ppar = streams.responsePasid(asked.streamId, asked.substreamId);
      pasid = ppar > 0 ? asked.substreamId : -1;
      code = ppar < 0 ? PageResponses.Code.FAILURE : code;
    }
    answer(asked, pasid, code);
  }

  private void answer(Request asked, int pasid, PageResponses.Code code) {
    if (!asked.isStopMarker()) {
      responses.respond(asked.streamId, pasid, asked.group, code);
    }
  }
}
