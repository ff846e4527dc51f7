package dev.nestwalk.device;

import dev.nestwalk.device.RegisterBlock.Register;
import dev.nestwalk.vtd.EventRegisters;
import dev.nestwalk.vtd.FaultRecordFormat;
import dev.nestwalk.vtd.FaultStatus;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.ProtectedMemoryEnable;
import dev.nestwalk.vtd.QueueRegisters;
import dev.nestwalk.vtd.RegisterInvalidation;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A snapshot of a VT-d unit, checked: a state that this unit can be in.
 *
 * @param values what each register holds
 * @param nextRecord the record that takes the next fault
 * @param queueAddress IQA in force
 * @param aborted bytes of the queue whose waits are aborted
 * @param root RTADDR in force
 * @param interruptTable IRTA in force
 */
record VtdState(
    Map<Register, Long> values,
    int nextRecord,
    long queueAddress,
    int aborted,
    long root,
    long interruptTable) {

  /**
   * Reads a snapshot.
   *
   * @throws IllegalArgumentException if it is not of such a unit, or of no state that one can have
   */
  static VtdState of(Snapshot snapshot, VtdRegisters layout, RegisterBlock registers) {
    if (!snapshot.unit().equals("vtd")) {
      throw new IllegalArgumentException(
          "snapshot of %s: expected one of vtd".formatted(snapshot.unit()));
    }
    Map<Register, Long> values = new LinkedHashMap<>();
    for (Register one : registers.registers()) {
      long value = snapshot.value(one.name());
      long possible = one.isReadOnly() ? possible(one) : writable(one);
      if ((value & ~possible) != 0 || isConstant(one) && value != one.reset()) {
        throw bad(one.name(), value, "a value that this unit's register can have");
      }
      values.put(one, value);
    }
    VtdState state =
        new VtdState(
            values,
            (int) within(snapshot, "next-record", layout.records - 1L),
            masked(snapshot, "IQA-in-force", registers, VtdRegisters.IQA),
            (int) within(snapshot, "aborted", Integer.MAX_VALUE),
            masked(snapshot, "RTADDR-in-force", registers, VtdRegisters.RTADDR),
            masked(snapshot, "IRTA-in-force", registers, VtdRegisters.IRTA));
    state.check(layout, registers);
    return state;
  }

  private static boolean isConstant(Register one) {
    return switch (one.offset()) {
      case VtdRegisters.VER, VtdRegisters.CAP, VtdRegisters.ECAP, VtdRegisters.GCMD -> true;
      default -> false;
    };
  }

  /** What a register that software cannot change may hold. */
  private static long possible(Register one) {
    if (one.name().endsWith(".low")) {
      return ~FaultRecordFormat.STRUCTURE.reserved(0);
    }
    return switch (one.offset()) {
      case VtdRegisters.VER, VtdRegisters.CAP, VtdRegisters.ECAP -> -1;
      case VtdRegisters.GSTS -> ~GlobalStatus.STRUCTURE.reserved(0);
      case VtdRegisters.IQH -> ~QueueRegisters.HEAD.reserved(0);
      case VtdRegisters.IQERCD -> ~QueueRegisters.ERROR.reserved(0);
      default -> one.reset();
    };
  }

  /** What a register that software can change may hold. */
  private static long writable(Register one) {
    long byHardware =
        switch (one.offset()) {
          case VtdRegisters.FSTS -> FaultStatus.PPF.mask() | FaultStatus.FRI.mask();
          case VtdRegisters.FECTL, VtdRegisters.IECTL, VtdRegisters.PECTL ->
              EventRegisters.IP.mask();
          case VtdRegisters.PMEN -> ProtectedMemoryEnable.PRS.mask();
          case VtdRegisters.CCMD -> RegisterInvalidation.CAIG.mask();
          default -> 0;
        };
    if (one.name().equals("IOTLB")) {
      byHardware = RegisterInvalidation.IAIG.mask();
    }
    if (one.name().endsWith(".high")) {
      byHardware = ~FaultRecordFormat.STRUCTURE.reserved(1);
    }
    return one.writable() | one.clearedByOne() | byHardware;
  }

  /** What registers say together. */
  private void check(VtdRegisters layout, RegisterBlock registers) {
    long status = value(registers, VtdRegisters.GSTS);
    if (GlobalStatus.QIES.in(status)) {
      String objection =
          VtdQueue.objection(queueAddress, value(registers, VtdRegisters.IQH), aborted);
      if (!objection.isEmpty()) {
        throw new IllegalArgumentException("snapshot of vtd: " + objection);
      }
    } else if (value(registers, VtdRegisters.IQH) != 0 || aborted != 0) {
      throw bad("IQH", value(registers, VtdRegisters.IQH), "0 while GSTS.QIES=0");
    }
    long faults = value(registers, VtdRegisters.FSTS);
    if (FaultStatus.FRI.get(faults) >= layout.records) {
      throw bad("FSTS", faults, "FRI up to CAP.NFR");
    }
    boolean pending = false;
    for (int i = 0; i < layout.records; i++) {
      pending |= FaultRecordFormat.F.in(value(registers, layout.record(i) + 8));
    }
    if (pending != FaultStatus.PPF.in(faults)) {
      throw bad("FSTS", faults, "PPF set if, and only if, a record has F set");
    }
    for (int event : new int[] {VtdRegisters.FECTL, VtdRegisters.IECTL, VtdRegisters.PECTL}) {
      if (VtdEvent.isImpossible(value(registers, event))) {
        throw bad("event control", value(registers, event), "IP only with IM");
      }
    }
    long protection = value(registers, VtdRegisters.PMEN);
    if (ProtectedMemoryEnable.EPM.in(protection) != ProtectedMemoryEnable.PRS.in(protection)) {
      throw bad("PMEN", protection, "PRS as EPM");
    }
    if (RegisterInvalidation.ICC.in(value(registers, VtdRegisters.CCMD))
        || RegisterInvalidation.IVT.in(value(registers, layout.iva + 8))) {
      throw bad("CCMD or IOTLB", 0, "no invalidation under way");
    }
  }

  private long value(RegisterBlock registers, int offset) {
    Register one = registers.at(offset);
    Long value = one == null ? null : values.get(one);
    return value == null ? 0 : value;
  }

  private static long within(Snapshot snapshot, String name, long most) {
    long value = snapshot.value(name);
    if (Long.compareUnsigned(value, most) > 0) {
      throw bad(name, value, "at most 0x%x".formatted(most));
    }
    return value;
  }

  private static long masked(Snapshot snapshot, String name, RegisterBlock registers, int offset) {
    long value = snapshot.value(name);
    Register one = registers.at(offset);
    if (one == null || (value & ~one.writable()) != 0) {
      throw bad(name, value, "a value that the register can have");
    }
    return value;
  }

  private static IllegalArgumentException bad(String name, long value, String expected) {
    return new IllegalArgumentException(
        "snapshot of vtd: %s is 0x%x, expected %s".formatted(name, value, expected));
  }
}
