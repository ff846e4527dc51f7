package dev.nestwalk.device;

import dev.nestwalk.dma.Access;
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
  private final Diary diary;

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
      Diary diary) {
    this.registers = registers;
    this.errors = errors;
    this.memory = memory;
    this.responses = responses;
    this.streams = streams;
    this.diary = diary;
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
   * A device's request.
   *
   * @param substreamId -1 for none
   * @param access {@link Access} bits; 0 with {@code last} and a SubstreamID is a stop marker
   */
  void request(int streamId, int substreamId, long address, int access, int group, boolean last) {
    boolean stop = last && substreamId >= 0 && (access & Access.ATOMIC) == 0;
    if (!isOn() || errors.isActive(GlobalError.PRIQ_ABT_ERR)) {
      diary.count("page request while PRIQ takes none", "PRIQ");
      answer(stop, streamId, -1, group, PageResponses.Code.FAILURE);
      return;
    }
    long prod = registers.get(SmmuRegister.PRIQ_PROD);
    long flag = QueueIndex.OVFLG.mask();
    boolean overflown = ((prod ^ registers.get(SmmuRegister.PRIQ_CONS)) & flag) != 0;
    if (overflown || queue.isFull()) {
      diary.count("page request lost, queue full or overflow not acknowledged", "PRIQ");
      if (!overflown) {
        registers.set(SmmuRegister.PRIQ_PROD, prod ^ flag);
      }
      if (last) {
        answerAlone(stop, streamId, substreamId, group);
        interruptAtLast();
      }
      return;
    }
    write(stop, streamId, substreamId, address, access, group, last);
  }

  /** PRIQEN as it takes effect. */
  private boolean isOn() {
    return registers.has(SmmuRegister.CR0, Cr0.PRIQEN)
        && registers.has(SmmuRegister.CR0, Cr0.SMMUEN);
  }

  private void write(
      boolean stop,
      int streamId,
      int substreamId,
      long address,
      int access,
      int group,
      boolean last) {
    boolean hasSubstream = substreamId >= 0;
    long w0 = Integer.toUnsignedLong(streamId);
    w0 |= bit((access & Access.READ) != 0, PageRequest.READ.mask());
    w0 |= bit((access & Access.WRITE) != 0, PageRequest.WRITE.mask());
    w0 |= bit(last, PageRequest.LAST.mask());
    if (hasSubstream) {
      w0 |= PageRequest.SSV.mask();
      w0 |= (long) substreamId << PageRequest.SUBSTREAMID.lo() & PageRequest.SUBSTREAMID.mask();
      w0 |= bit((access & Access.PRIVILEGED) != 0, PageRequest.PRIV.mask());
      w0 |= bit((access & Access.EXECUTE) != 0, PageRequest.EXEC.mask());
    }
    long w1 = address & PageRequest.ADDRESS.mask() | group & PageRequest.PRGINDEX.mask();
    int prod = queue.prod();
    boolean first = queue.isEmpty();
    if (!QueueMemory.write(memory, queue.address(prod), w0, w1)) {
      errors.raise(GlobalError.PRIQ_ABT_ERR);
      answer(stop, streamId, -1, group, PageResponses.Code.FAILURE);
      return;
    }
    long flag = registers.get(SmmuRegister.PRIQ_PROD) & QueueIndex.OVFLG.mask();
    registers.set(SmmuRegister.PRIQ_PROD, flag | queue.after(prod));
    if (last) {
      interruptAtLast();
    }
    if (first && !registers.has(SmmuRegister.PRIQ_IRQ_CFG2, InterruptConfig.LO)) {
      errors.interrupt(SmmuInterrupts.Source.PRIQ);
    }
  }

  private static long bit(boolean set, long mask) {
    return set ? mask : 0;
  }

  /** With LO = 1: for the last of a group, written or lost. */
  private void interruptAtLast() {
    if (registers.has(SmmuRegister.PRIQ_IRQ_CFG2, InterruptConfig.LO)) {
      errors.interrupt(SmmuInterrupts.Source.PRIQ);
    }
  }

  /** The automatic answer under overflow: success, so that the device tries again (8.2). */
  private void answerAlone(boolean stop, int streamId, int substreamId, int group) {
    if (stop) {
      return;
    }
    int pasid = substreamId;
    PageResponses.Code code = PageResponses.Code.SUCCESS;
    if (substreamId >= 0 && Idr1.SSIDSIZE.get(registers.get(SmmuRegister.IDR1)) == 0) {
      pasid = -1;
    } else if (substreamId >= 0 && !registers.has(SmmuRegister.IDR3, Idr3.PPS)) {
      int ppar = streams.responsePasid(streamId, substreamId);
      pasid = ppar > 0 ? substreamId : -1;
      code = ppar < 0 ? PageResponses.Code.FAILURE : code;
    }
    answer(false, streamId, pasid, group, code);
  }

  /** Nobody answers a stop marker (8.1). */
  private void answer(boolean stop, int streamId, int pasid, int group, PageResponses.Code code) {
    if (!stop) {
      responses.respond(streamId, pasid, group, code);
    }
  }
}
