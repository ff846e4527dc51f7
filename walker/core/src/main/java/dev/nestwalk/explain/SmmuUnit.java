package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.Cr2;
import dev.nestwalk.smmu.Gbpa;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.Idr5;
import dev.nestwalk.smmu.SmmuCapabilities;
import dev.nestwalk.smmu.StreamTableBase;
import dev.nestwalk.smmu.StreamTableConfig;
import java.util.Map;

/** An SMMU's registers, read field by field (IHI 0070, 6.3.1 to 6.3.25). */
final class SmmuUnit {
  private final Map<String, Long> registers;

  SmmuUnit(Map<String, Long> registers) {
    this.registers = Map.copyOf(registers);
    // Whether a set of capabilities is possible is not a step of a walk; one class decides it.
    SmmuCapabilities.of(registers);
    if (!registers.containsKey("CR0")) {
      throw new IllegalArgumentException("register CR0 is missing");
    }
  }

  private long value(String name) {
    Long value = registers.get(name);
    return value == null ? 0 : value;
  }

  /** A field of an identification register, by the register's own name in the field's class. */
  long idr0(Field field) {
    return field.get(value("IDR0"));
  }

  long idr1(Field field) {
    return field.get(value("IDR1"));
  }

  long idr3(Field field) {
    return field.get(value("IDR3"));
  }

  long idr5(Field field) {
    return field.get(value("IDR5"));
  }

  boolean isOn() {
    return Cr0.SMMUEN.get(value("CR0")) == 1;
  }

  boolean eventQueueIsOn() {
    return Cr0.EVENTQEN.get(value("CR0")) == 1;
  }

  boolean checksTranslated() {
    return Cr0.ATSCHK.get(value("CR0")) == 1;
  }

  boolean e2h() {
    return Cr2.E2H.get(value("CR2")) == 1;
  }

  boolean recordsBadStream() {
    return Cr2.RECINVSID.get(value("CR2")) == 1;
  }

  boolean recordsAtsErrors() {
    return idr0(Idr0.ATSRECERR) == 1 && Cr2.REC_CFG_ATS.get(value("CR2")) == 1;
  }

  boolean abortsInBypass() {
    return Gbpa.ABORT.get(value("GBPA")) == 1;
  }

  /** Number of StreamID bits: the smaller one of the table's and the unit's. */
  long streamBits() {
    return Math.min(StreamTableConfig.LOG2SIZE.get(value("STRTAB_BASE_CFG")), idr1(Idr1.SIDSIZE));
  }

  boolean twoLevel() {
    return idr0(Idr0.ST_LEVEL) == 1 && StreamTableConfig.FMT.get(value("STRTAB_BASE_CFG")) == 1;
  }

  int split() {
    long split = StreamTableConfig.SPLIT.get(value("STRTAB_BASE_CFG"));
    return split == 8 ? 8 : split == 10 ? 10 : 6;
  }

  /** The stream table, aligned to its own size; a level 1 table to at least 64 bytes. */
  long streamTable() {
    long size = StreamTableConfig.LOG2SIZE.get(value("STRTAB_BASE_CFG"));
    long bytesLog2 = twoLevel() ? Math.max(6, size - split() + 3) : size + 6;
    long address = StreamTableBase.ADDR.get(value("STRTAB_BASE")) * 64;
    return bytesLog2 > 62 ? 0 : address >>> bytesLog2 << bytesLog2;
  }

  static int bits(long encoded) {
    return switch ((int) encoded) {
      case 0 -> 32;
      case 1 -> 36;
      case 2 -> 40;
      case 3 -> 42;
      case 4 -> 44;
      case 5 -> 48;
      default -> 52;
    };
  }

  int oas() {
    return bits(idr5(Idr5.OAS));
  }

  int ias() {
    return idr0(Idr0.TTF) == 3 && oas() < 40 ? 40 : oas();
  }

  boolean offers(int granuleLog2) {
    return granuleLog2 == 12 && idr5(Idr5.GRAN4K) == 1
        || granuleLog2 == 14 && idr5(Idr5.GRAN16K) == 1
        || granuleLog2 == 16 && idr5(Idr5.GRAN64K) == 1;
  }
}
