package dev.nestwalk.device;

import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.GlobalError;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.InterruptConfig;
import dev.nestwalk.smmu.IrqControl;

/**
 * The unit's own interrupts (IHI 0070, 3.18): an edge on a wire, or a write of 32 bits that no
 * translation touches, to memory or to an interrupt controller.
 *
 * <p>Threads: under the unit's lock.
 */
final class SmmuInterrupts {
  /**
   * A source with registers; CMD_SYNC has its address in the command.
   *
   * @param enable in IRQ_CTRL
   * @param address of the message
   * @param data of the message
   * @param line where there is no message
   * @param abort error of a message that nothing took
   */
  record Source(
      Field enable, SmmuRegister address, SmmuRegister data, InterruptLine line, Field abort) {
    static final Source GERROR =
        new Source(
            IrqControl.GERROR_IRQEN,
            SmmuRegister.GERROR_IRQ_CFG0,
            SmmuRegister.GERROR_IRQ_CFG1,
            InterruptLine.GERROR,
            GlobalError.MSI_GERROR_ABT_ERR);
    static final Source EVENTQ =
        new Source(
            IrqControl.EVENTQ_IRQEN,
            SmmuRegister.EVENTQ_IRQ_CFG0,
            SmmuRegister.EVENTQ_IRQ_CFG1,
            InterruptLine.EVTQ,
            GlobalError.MSI_EVENTQ_ABT_ERR);
    static final Source PRIQ =
        new Source(
            IrqControl.PRIQ_IRQEN,
            SmmuRegister.PRIQ_IRQ_CFG0,
            SmmuRegister.PRIQ_IRQ_CFG1,
            InterruptLine.PRIQ,
            GlobalError.MSI_PRIQ_ABT_ERR);
  }

  private final SmmuRegisters registers;
  private final GuestMemory memory;
  private final InterruptSink sink;
  private final int addressBits;

  /**
   * Interrupts.
   *
   * @param addressBits bits of a physical address
   */
  SmmuInterrupts(SmmuRegisters registers, GuestMemory memory, InterruptSink sink, int addressBits) {
    this.registers = registers;
    this.memory = memory;
    this.sink = sink;
    this.addressBits = addressBits;
  }

  /**
   * Interrupts if the source is enabled.
   *
   * @return false if a message aborted
   */
  boolean trigger(Source source) {
    if (!registers.has(SmmuRegister.IRQ_CTRL, source.enable())) {
      return true;
    }
    long address = registers.get(source.address()) & InterruptConfig.ADDR.mask();
    return send(address, (int) registers.get(source.data()), source.line());
  }

  /**
   * A message to {@code address}, or an edge on {@code line} if that is 0 or there are no messages.
   *
   * @return false if the message aborted
   */
  boolean send(long address, int data, InterruptLine line) {
    if (address == 0 || !registers.has(SmmuRegister.IDR0, Idr0.MSI)) {
      sink.wire(line);
      return true;
    }
    if (address >>> addressBits != 0) {
      return false;
    }
    // CMD_SYNC of Linux has its message written to the command's own slot: memory first.
    return memory.holds(address & -8)
        ? QueueMemory.write32(memory, address, data)
        : sink.message(address, data);
  }
}
