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

/** The unit that a trace drives, and the interrupts that it raised. */
final class ReplayUnit implements InterruptSink {
  private static final long EVENTQ_PROD = 0x1_00a8;
  private static final long EVENTQ_CONS = 0x1_00ac;
  private static final long INDEX = 0xf_ffff;

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

  /** Goes on with another unit, which takes the state of this one. */
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
    // An SMMUv3's messages are writes to memory as well as to doorbells; traces have wires alone.
    return memory.write(address, "%08x".formatted(Integer.reverseBytes(data)));
  }

  @Override
  public void wire(InterruptLine line) {
    // Traces tell of these two alone.
    if (line == InterruptLine.EVTQ || line == InterruptLine.GERROR) {
      raised.add(line.name().toLowerCase(Locale.ROOT));
    }
  }

  /** Takes an interrupt off the list of those raised; false if it is not there. */
  boolean take(String interrupt) {
    return raised.removeFirstOccurrence(interrupt);
  }

  /**
   * Whether an architectural unit in this state need not have raised what QEMU raised: QEMU's
   * SMMUv3 pulses for each event record where the architecture asks for one when the queue is no
   * longer empty (IHI 0070 3.18), and reports a full event queue as a global error where the
   * architecture has EVENTQ_PROD.OVFLG (7.4).
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
    FaultReason reason = machine.isVtd() ? FaultReason.of(code) : null;
    EventType event = machine.isVtd() ? null : EventType.of(code);
    return reason != null
        ? reason.mnemonic()
        : event != null ? event.name() : "0x%x".formatted(code);
  }
}
