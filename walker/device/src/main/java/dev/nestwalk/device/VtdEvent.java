package dev.nestwalk.device;

import dev.nestwalk.vtd.EventRegisters;

/**
 * One of the three event sources of a VT-d unit (VT-d 5.1.6, 11.4): four registers that say whether
 * and where a message goes. An event that comes while the source is masked stays pending.
 *
 * <p>Threads: guarded by the unit's lock.
 */
final class VtdEvent {
  private static final int DATA = 4;
  private static final int ADDRESS = 8;
  private static final int UPPER_ADDRESS = 12;

  private final RegisterBlock registers;
  private final int control;
  private final InterruptSink sink;

  /**
   * A source.
   *
   * @param control offset of its control register; data and addresses follow
   */
  VtdEvent(RegisterBlock registers, int control, InterruptSink sink) {
    this.registers = registers;
    this.control = control;
    this.sink = sink;
  }

  /** An event: it is sent, or waits until software unmasks the source. */
  void raise() {
    registers.raise(control, EventRegisters.IP.mask());
    controlWritten();
  }

  /** The control register changed: sends what waits, unless it still has to. */
  void controlWritten() {
    long value = registers.get32(control);
    if (EventRegisters.IP.in(value) && !EventRegisters.IM.in(value)) {
      registers.clear(control, EventRegisters.IP.mask());
      // The upper address takes no writes without ECAP.EIM, so it is 0 then.
      sink.message(
          registers.get32(control + ADDRESS) | registers.get32(control + UPPER_ADDRESS) << 32,
          (int) registers.get32(control + DATA));
    }
  }

  /** Software has seen to everything that an event told of. */
  void serviced() {
    registers.clear(control, EventRegisters.IP.mask());
  }

  /** Whether an event waits although nothing masks it, which no unit shows. */
  static boolean isImpossible(long value) {
    return EventRegisters.IP.in(value) && !EventRegisters.IM.in(value);
  }
}
