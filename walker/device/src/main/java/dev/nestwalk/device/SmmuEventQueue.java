package dev.nestwalk.device;

import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.GlobalError;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.QueueIndex;

/**
 * The event queue (IHI 0070, 7.2 to 7.4): records from the unit to software.
 *
 * <p>Threads: under the unit's lock.
 */
final class SmmuEventQueue {
  private static final int RECORD_BYTES = 32;

  private final SmmuRegisters registers;
  private final SmmuErrors errors;
  private final SmmuQueue queue;
  private final GuestMemory memory;
  private final GuestErrors guestErrors;

  SmmuEventQueue(
      SmmuRegisters registers, SmmuErrors errors, GuestMemory memory, GuestErrors guestErrors) {
    this.registers = registers;
    this.errors = errors;
    this.memory = memory;
    this.guestErrors = guestErrors;
    queue =
        new SmmuQueue(
            registers,
            SmmuRegister.EVENTQ_BASE,
            SmmuRegister.EVENTQ_PROD,
            SmmuRegister.EVENTQ_CONS,
            Idr1.EVENTQS.get(registers.get(SmmuRegister.IDR1)),
            RECORD_BYTES);
  }

  /** Whether a record would be written now. */
  boolean isWritable() {
    return registers.has(SmmuRegister.CR0, Cr0.EVENTQEN)
        && !errors.isActive(GlobalError.EVENTQ_ABT_ERR)
        && !queue.isFull();
  }

  /** Records an event; lost if the queue is not writable, which software sees if it was full. */
  void record(long[] words) {
    if (isWritable()) {
      write(words);
    } else if (!registers.has(SmmuRegister.CR0, Cr0.EVENTQEN)) {
      guestErrors.count("event lost while EVENTQEN=0", "EVENTQ");
    } else if (errors.isActive(GlobalError.EVENTQ_ABT_ERR)) {
      guestErrors.count("event lost while EVENTQ_ABT_ERR is active", "EVENTQ");
    } else {
      guestErrors.count("event lost, queue full", "EVENTQ");
      overflow();
    }
  }

  private void overflow() {
    long prod = registers.get(SmmuRegister.EVENTQ_PROD);
    if (((prod ^ registers.get(SmmuRegister.EVENTQ_CONS)) & QueueIndex.OVFLG.mask()) == 0) {
      registers.set(SmmuRegister.EVENTQ_PROD, prod ^ QueueIndex.OVFLG.mask());
    }
  }

  /**
   * Writes a record where {@link #isWritable}.
   *
   * @return false if memory does not take it
   */
  boolean write(long[] words) {
    int prod = queue.prod();
    boolean first = queue.isEmpty();
    if (!QueueMemory.write(memory, queue.address(prod), words)) {
      errors.raise(GlobalError.EVENTQ_ABT_ERR);
      return false;
    }
    long flag = registers.get(SmmuRegister.EVENTQ_PROD) & QueueIndex.OVFLG.mask();
    registers.set(SmmuRegister.EVENTQ_PROD, flag | queue.after(prod));
    if (first) {
      errors.interrupt(SmmuInterrupts.Source.EVENTQ);
    }
    return true;
  }
}
