package dev.nestwalk.cli;

import dev.nestwalk.device.InterruptLine;
import dev.nestwalk.device.InterruptSink;
import dev.nestwalk.device.Unit;
import dev.nestwalk.device.UnitOptions;
import dev.nestwalk.device.VtdUnit;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.vtd.FaultReason;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The unit that a trace drives, and the interrupts that it raised. */
final class ReplayUnit implements InterruptSink {
  private final Machine machine;
  private final ReplayMemory memory;
  private final Deque<String> raised = new ArrayDeque<>();
  private Unit unit;

  /**
   * A unit with the capabilities of a recorded one, as after power-on.
   *
   * @throws InputException if no unit can have them
   */
  ReplayUnit(Machine machine, ReplayMemory memory) {
    this.machine = machine;
    this.memory = memory;
    unit = make();
  }

  private Unit make() {
    UnitOptions options = UnitOptions.of(memory.guest(), this);
    try {
      if (machine.isVtd()) {
        return VtdUnit.of(options, machine.registers(), machine.hostAddressWidth());
      }
    } catch (IllegalArgumentException e) {
      throw new InputException(machine.file() + ": registers: " + e.getMessage());
    }
    throw new InputException(machine.file() + ": format smmuv3: expected vtd");
  }

  Unit unit() {
    return unit;
  }

  /** Goes on with another unit, which takes the state of this one. */
  void migrate() {
    Unit next = make();
    next.restore(unit.snapshot());
    unit = next;
  }

  @Override
  public boolean message(long address, int data) {
    raised.add("%x %x".formatted(address, data));
    return true;
  }

  @Override
  public void wire(InterruptLine line) {
    raised.add(line.name().toLowerCase(Locale.ROOT));
  }

  /** Takes an interrupt off the list of those raised; false if it is not there. */
  boolean take(String interrupt) {
    return raised.removeFirstOccurrence(interrupt);
  }

  /** Takes all that are left. */
  @Nullable String takeRest() {
    if (raised.isEmpty()) {
      return null;
    }
    String rest = String.join(", ", raised);
    raised.clear();
    return rest;
  }

  /** What is on the list, for people. */
  String raised() {
    return raised.isEmpty() ? "none" : String.join(", ", raised);
  }

  /** The architecture's name of a fault code. */
  String nameOf(int code) {
    FaultReason reason = FaultReason.of(code);
    return reason == null ? "0x%x".formatted(code) : reason.mnemonic();
  }
}
