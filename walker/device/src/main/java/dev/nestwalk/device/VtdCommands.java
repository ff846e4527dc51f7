package dev.nestwalk.device;

import dev.nestwalk.format.Field;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.GlobalCommand;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.ProtectedMemoryEnable;
import dev.nestwalk.vtd.QueueRegisters;
import java.util.Map;
import java.util.TreeMap;

/**
 * The global command register of a VT-d unit (VT-d 11.4.4), and what else changes how it
 * translates. Each change is in force for every device before its status bit shows it.
 *
 * <p>Software may change one bit per write. Several are carried out one after the other, in an
 * order that serves them all: queue on, tables, switches, queue off.
 *
 * <p>Threads: as {@link VtdQueue}.
 */
final class VtdCommands {
  private final VtdUnit unit;
  private final VtdRegisters layout;
  private final RegisterBlock registers;
  private final VtdQueue queue;
  private long root;
  private long interruptTable;

  VtdCommands(VtdUnit unit, VtdRegisters layout, RegisterBlock registers, VtdQueue queue) {
    this.unit = unit;
    this.layout = layout;
    this.registers = registers;
    this.queue = queue;
  }

  /** RTADDR in force. */
  long rootInForce() {
    return root;
  }

  /** IRTA in force. */
  long interruptTableInForce() {
    return interruptTable;
  }

  /** Takes a state over and puts it in force; nothing waits for the threads that use another. */
  void adopt(long newRoot, long newInterruptTable) {
    root = newRoot;
    interruptTable = newInterruptTable;
    unit.reconfigure(unit.inForce(), false);
  }

  /** GCMD was written. */
  void run(long command) {
    boolean queued = Ecap.QI.in(layout.ecap);
    boolean remaps = Ecap.IR.in(layout.ecap);
    judge(command, queued, remaps);
    if (queued && GlobalCommand.QIE.in(command) && !isSet(GlobalStatus.QIES)) {
      queue.switchOn();
      set(GlobalStatus.QIES);
      int before = unit.epoch();
      queue.run();
      if (unit.epoch() != before) {
        return;
      }
    }
    if (remaps && GlobalCommand.SIRTP.in(command)) {
      clear(GlobalStatus.IRTPS);
      interruptTable = registers.get64(VtdRegisters.IRTA);
      set(GlobalStatus.IRTPS);
    }
    if (GlobalCommand.SRTP.in(command)) {
      setRoot();
    }
    // WBF: there are no write buffers, so WBFS reads 0 at once.
    if (remaps) {
      follow(GlobalCommand.IRE, GlobalStatus.IRES, command);
      follow(GlobalCommand.CFI, GlobalStatus.CFIS, command);
    }
    if (GlobalCommand.TE.in(command) != isSet(GlobalStatus.TES)) {
      setTranslation(GlobalCommand.TE.in(command));
    }
    if (!GlobalCommand.QIE.in(command) && isSet(GlobalStatus.QIES)) {
      queue.switchOff();
      clear(GlobalStatus.QIES);
    }
  }

  /** Takes RTADDR over; with ESRTPS that empties all caches. */
  private void setRoot() {
    clear(GlobalStatus.RTPS);
    root = registers.get64(VtdRegisters.RTADDR);
    unit.reconfigure(unit.inForce(), !Cap.ESRTPS.in(layout.cap));
    unit.settle();
    set(GlobalStatus.RTPS);
  }

  private void setTranslation(boolean on) {
    Map<String, Long> changed = new TreeMap<>(unit.inForce());
    changed.put("GSTS", on ? GlobalStatus.TES.mask() : 0);
    unit.reconfigure(changed, true);
    unit.settle();
    if (on) {
      set(GlobalStatus.TES);
    } else {
      clear(GlobalStatus.TES);
    }
  }

  /** PMEN was written: PRS follows EPM once the regions are enforced. */
  void protect() {
    long enabled = registers.get32(VtdRegisters.PMEN);
    boolean on = ProtectedMemoryEnable.EPM.in(enabled);
    if (on != ProtectedMemoryEnable.PRS.in(enabled)) {
      Map<String, Long> changed = new TreeMap<>(unit.inForce());
      changed.put("PMEN", on ? ProtectedMemoryEnable.PRS.mask() : 0);
      unit.reconfigure(changed, true);
      unit.settle();
      registers.clear(VtdRegisters.PMEN, ProtectedMemoryEnable.PRS.mask());
      registers.raise(VtdRegisters.PMEN, on ? ProtectedMemoryEnable.PRS.mask() : 0);
    }
  }

  /** ICS was written: with IWC the pending event is gone. */
  void completionWritten(VtdEvent completion) {
    if (!registers.has(VtdRegisters.ICS, QueueRegisters.IWC.mask())) {
      completion.serviced();
    }
  }

  /** Notes what software should not have asked for. */
  private void judge(long command, boolean queued, boolean remaps) {
    long known =
        GlobalCommand.TE.mask()
            | GlobalCommand.SRTP.mask()
            | GlobalCommand.WBF.mask()
            | (queued ? GlobalCommand.QIE.mask() : 0)
            | (remaps
                ? GlobalCommand.IRE.mask() | GlobalCommand.SIRTP.mask() | GlobalCommand.CFI.mask()
                : 0);
    if ((command & ~known) != 0) {
      unit.guestErrors().count("bits without a capability behind them", "GCMD");
    }
    long levels = GlobalCommand.TE.mask() | GlobalCommand.QIE.mask() | GlobalCommand.IRE.mask();
    levels |= GlobalCommand.CFI.mask();
    long changes =
        command & known & ~levels | (command ^ registers.get32(VtdRegisters.GSTS)) & known & levels;
    if (Long.bitCount(changes) > 1) {
      unit.guestErrors().count("several changes in one write", "GCMD");
    }
    if (GlobalCommand.TE.in(command)
        && !GlobalCommand.SRTP.in(command)
        && !isSet(GlobalStatus.RTPS)) {
      unit.guestErrors().count("TE before SRTP, translating through the root at 0", "GCMD");
    }
  }

  private void follow(Field command, Field status, long value) {
    if (command.in(value)) {
      set(status);
    } else {
      clear(status);
    }
  }

  private boolean isSet(Field status) {
    return registers.has(VtdRegisters.GSTS, status.mask());
  }

  private void set(Field status) {
    registers.raise(VtdRegisters.GSTS, status.mask());
  }

  private void clear(Field status) {
    registers.clear(VtdRegisters.GSTS, status.mask());
  }
}
