package dev.nestwalk.device;

import dev.nestwalk.format.Field;
import dev.nestwalk.smmu.GlobalError;

/**
 * Global errors (IHI 0070, 7.5): an error is active while its bits in GERROR and GERRORN differ.
 * The unit turns the bit in GERROR, software the one in GERRORN.
 *
 * <p>Threads: under the unit's lock.
 */
final class SmmuErrors {
  private final SmmuRegisters registers;
  private final SmmuInterrupts interrupts;
  private final GuestErrors guestErrors;

  SmmuErrors(SmmuRegisters registers, SmmuInterrupts interrupts, GuestErrors guestErrors) {
    this.registers = registers;
    this.interrupts = interrupts;
    this.guestErrors = guestErrors;
  }

  private long active() {
    return registers.get(SmmuRegister.GERROR) ^ registers.get(SmmuRegister.GERRORN);
  }

  boolean isActive(Field error) {
    return error.in(active());
  }

  /** Makes an error active; one that is active already is not seen again. */
  void raise(Field error) {
    if (isActive(error)) {
      return;
    }
    registers.set(SmmuRegister.GERROR, registers.get(SmmuRegister.GERROR) ^ error.mask());
    // An MSI about the failed MSI would meet the same fate (6.3.19).
    if (!error.equals(GlobalError.MSI_GERROR_ABT_ERR)) {
      interrupt(SmmuInterrupts.Source.GERROR);
    }
  }

  /** Interrupts; what caused it is visible by now. */
  void interrupt(SmmuInterrupts.Source source) {
    if (!interrupts.trigger(source)) {
      raise(source.abort());
    }
  }

  /**
   * Software's acknowledgement.
   *
   * @return errors that are no longer active
   */
  long acknowledge(long value) {
    long before = active();
    registers.set(SmmuRegister.GERRORN, value);
    long turned = active() & ~before;
    if (turned != 0) {
      guestErrors.count("acknowledged although not active", name(turned));
    }
    return before & ~active();
  }

  private static String name(long bits) {
    return GlobalError.STRUCTURE.fields().stream()
        .filter(field -> field.in(bits))
        .map(Field::name)
        .findFirst()
        .orElse("GERROR");
  }
}
