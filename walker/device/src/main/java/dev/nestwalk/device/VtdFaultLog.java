package dev.nestwalk.device;

import dev.nestwalk.format.Field;
import dev.nestwalk.vtd.FaultRecordFormat;
import dev.nestwalk.vtd.FaultStatus;

/**
 * The fault status register and the fault recording registers of a VT-d unit (VT-d 7.2, 11.4).
 *
 * <p>Records are used in turn. A fault of a requester that has a record already is dropped, which
 * 7.2.1 allows; one that finds the next record taken sets PFO, and nothing is recorded until
 * software clears that. An event is raised if no status was set before.
 *
 * <p>Threads: guarded by the unit's lock.
 */
final class VtdFaultLog {
  private static final long FAULT = FaultRecordFormat.F.mask();
  private static final long SOURCE = FaultRecordFormat.SID.mask();
  private static final long ERRORS =
      FaultStatus.PFO.mask()
          | FaultStatus.IQE.mask()
          | FaultStatus.ICE.mask()
          | FaultStatus.ITE.mask();
  private static final long STATUS = ERRORS | FaultStatus.PPF.mask();

  private final RegisterBlock registers;
  private final VtdRegisters layout;
  private final VtdEvent event;

  /** The record that takes the next fault. */
  private int next;

  /** How many records have F set. */
  private int pending;

  VtdFaultLog(RegisterBlock registers, VtdRegisters layout, VtdEvent event) {
    this.registers = registers;
    this.layout = layout;
    this.event = event;
  }

  /** A fault, as its record of 128 bits. Nothing is allocated. */
  void post(long low, long high) {
    long before = registers.get32(VtdRegisters.FSTS);
    if (FaultStatus.PFO.in(before) || pending != 0 && isKnown(high & SOURCE)) {
      return;
    }
    int at = layout.record(next);
    if ((registers.get64(at + 8) & FAULT) != 0) {
      status(FaultStatus.PFO);
      return;
    }
    registers.set64(at, low);
    registers.set64(at + 8, high | FAULT);
    if (pending++ == 0) {
      long index = (long) next << FaultStatus.FRI.lo();
      registers.set32(
          VtdRegisters.FSTS, before & ~FaultStatus.FRI.mask() | index | FaultStatus.PPF.mask());
    }
    next = (next + 1) % layout.records;
    if ((before & STATUS) == 0) {
      event.raise();
    }
  }

  private boolean isKnown(long source) {
    for (int i = 0; i < layout.records; i++) {
      long high = registers.get64(layout.record(i) + 8);
      if ((high & FAULT) != 0 && (high & SOURCE) == source) {
        return true;
      }
    }
    return false;
  }

  /** Sets an error of the status register; raises the event if none was set before. */
  void status(Field error) {
    long before = registers.get32(VtdRegisters.FSTS);
    registers.raise(VtdRegisters.FSTS, error.mask());
    if ((before & STATUS) == 0) {
      event.raise();
    }
  }

  /** Whether an error is set. */
  boolean has(Field error) {
    return registers.has(VtdRegisters.FSTS, error.mask());
  }

  /** Software wrote the status register or a record: some bits may be clear now. */
  void written() {
    count();
    if (!registers.has(VtdRegisters.FSTS, STATUS)) {
      event.serviced();
    }
  }

  private void count() {
    pending = 0;
    for (int i = 0; i < layout.records; i++) {
      pending += (registers.get64(layout.record(i) + 8) & FAULT) != 0 ? 1 : 0;
    }
    if (pending == 0) {
      registers.clear(VtdRegisters.FSTS, FaultStatus.PPF.mask());
    }
  }

  /** Takes the state of the registers, which were reset or restored. */
  void adopt(int nextRecord) {
    next = nextRecord;
    count();
  }

  /** The record that takes the next fault, for a snapshot. */
  int next() {
    return next;
  }
}
