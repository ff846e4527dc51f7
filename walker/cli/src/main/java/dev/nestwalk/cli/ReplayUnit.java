package dev.nestwalk.cli;

import dev.nestwalk.device.InterruptLine;
import dev.nestwalk.device.InterruptSink;
import dev.nestwalk.device.SmmuUnit;
import dev.nestwalk.device.Unit;
import dev.nestwalk.device.UnitOptions;
import dev.nestwalk.device.VtdUnit;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.vtd.FaultReason;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The unit that a trace drives, and the interrupts that it has raised. */
final class ReplayUnit implements InterruptSink {
  private static final long EVENTQ_PROD = 0x1_00a8;
  private static final long EVENTQ_CONS = 0x1_00ac;
  private static final long INDEX = 0xf_ffff;

  private final Machine machine;
  private final ReplayMemory memory;
  private final Deque<String> raised = new ArrayDeque<>();
  private Unit unit;

  /**
   * A unit after power-on with the capabilities of the recorded one.
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
      return machine.isVtd()
          ? VtdUnit.of(options, machine.registers(), machine.hostAddressWidth())
          : SmmuUnit.of(options, machine.registers());
    } catch (IllegalArgumentException e) {
      throw new InputException(machine.file() + ": registers: " + e.getMessage());
    }
  }

  Unit unit() {
    return unit;
  }

  /** Continues with another unit that restores the state of this one. */
  void migrate() {
    Unit next = make();
    next.restore(unit.snapshot());
    unit = next;
  }

  @Override
  public boolean message(long address, int data) {
    if (machine.isVtd()) {
      raised.add("%x %x".formatted(address, data));
      return true;
    }
    // An SMMUv3's messages may be writes to memory as well as to doorbells; traces only have wires.
    return memory.write(address, "%08x".formatted(Integer.reverseBytes(data)));
  }

  @Override
  public void wire(InterruptLine line) {
    // Traces record only these two.
    if (line == InterruptLine.EVTQ || line == InterruptLine.GERROR) {
      raised.add(line.name().toLowerCase(Locale.ROOT));
    }
  }

  /**
   * Removes an interrupt from the list of those raised.
   *
   * @return false if it is not there
   */
  boolean take(String interrupt) {
    return raised.removeFirstOccurrence(interrupt);
  }

  /**
   * Whether an architectural unit in this state may omit an interrupt that QEMU raised. QEMU's
   * SMMUv3 pulses for each event record, where the architecture asks for an interrupt when the
   * queue becomes non-empty (IHI 0070 3.18). QEMU also reports a full event queue as a global
   * error, where the architecture has EVENTQ_PROD.OVFLG (7.4).
   */
  boolean isOptional(String wire) {
    if (machine.isVtd()) {
      return false;
    }
    long producer = unit.mmioRead(EVENTQ_PROD, 4);
    long consumer = unit.mmioRead(EVENTQ_CONS, 4);
    return switch (wire) {
      case "evtq" -> (producer - consumer & INDEX) > 1;
      case "gerror" -> (producer ^ consumer) >>> 31 == 1;
      default -> false;
    };
  }

  /** Removes all that are left. */
  @Nullable String takeRest() {
    if (raised.isEmpty()) {
      return null;
    }
    String rest = String.join(", ", raised);
    raised.clear();
    return rest;
  }

  /** The interrupts in the list, in words. */
  String raised() {
    return raised.isEmpty() ? "none" : String.join(", ", raised);
  }

  /** The architecture's name of a fault code. */
  String nameOf(int code) {
    FaultReason reason = machine.isVtd() ? FaultReason.of(code) : null;
    EventType event = machine.isVtd() ? null : EventType.of(code);
    return reason != null
        ? reason.mnemonic()
        : event != null ? event.name() : "0x%x".formatted(code);
  }
}
