package dev.nestwalk.device;

import dev.nestwalk.device.RegisterBlock.Register;
import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.EventRegisters;
import dev.nestwalk.vtd.FaultRecordFormat;
import dev.nestwalk.vtd.FaultStatus;
import dev.nestwalk.vtd.GlobalCommand;
import dev.nestwalk.vtd.ProtectedMemoryEnable;
import dev.nestwalk.vtd.QueueRegisters;
import dev.nestwalk.vtd.RegisterInvalidation;
import dev.nestwalk.vtd.RootTableAddress;
import dev.nestwalk.vtd.VersionRegister;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the registers of a VT-d unit are and which bits of them software changes (VT-d 11.4). All
 * masks come from the fields that the structures declare; capabilities decide which of them the
 * unit has. What it does not have reads as zero and takes no writes.
 */
final class VtdRegisters {
  static final int VER = 0x00;
  static final int CAP = 0x08;
  static final int ECAP = 0x10;
  static final int GCMD = 0x18;
  static final int GSTS = 0x1c;
  static final int RTADDR = 0x20;
  static final int CCMD = 0x28;
  static final int FSTS = 0x34;
  static final int FECTL = 0x38;
  static final int AFLOG = 0x58;
  static final int PMEN = 0x64;
  static final int PLMBASE = 0x68;
  static final int PLMLIMIT = 0x6c;
  static final int PHMBASE = 0x70;
  static final int PHMLIMIT = 0x78;
  static final int IQH = 0x80;
  static final int IQT = 0x88;
  static final int IQA = 0x90;
  static final int ICS = 0x9c;
  static final int IECTL = 0xa0;
  static final int IQERCD = 0xb0;
  static final int IRTA = 0xb8;
  static final int PQH = 0xc0;
  static final int PQT = 0xc8;
  static final int PQA = 0xd0;
  static final int PRS = 0xdc;
  static final int PECTL = 0xe0;

  /** Where the unit puts IVA and IOTLB if ECAP.IRO leaves it to it. */
  private static final int OWN_IRO = 0xf0 / 16;

  /** Where the unit puts the fault recording registers if CAP.FRO leaves it to it. */
  private static final int OWN_FRO = 0x220 / 16;

  private static final int MTRR_FIRST = 0x100;
  private static final int MTRR_END = 0x220;
  private static final int PAGE = 4096;

  /** Protected regions come in units of 2 MiB, which software finds by writing ones. */
  private static final long PROTECTED_UNIT = (2L << 20) - 1;

  final long ver;
  final long cap;
  final long ecap;

  /** Offset of IVA; IOTLB follows it. */
  final int iva;

  /** Offset of the first fault recording register. */
  final int frcd;

  /** How many fault recording registers there are. */
  final int records;

  private final long beyondHost;
  private final List<Register> registers = new ArrayList<>();

  /**
   * The registers of a unit.
   *
   * @param ver VER
   * @param givenCap CAP; an FRO of 0 leaves the place to the unit
   * @param givenEcap ECAP; an IRO of 0 leaves the place to the unit
   * @param hostAddressWidth 32 to 52 bits
   */
  VtdRegisters(long ver, long givenCap, long givenEcap, int hostAddressWidth) {
    this.ver = ver;
    cap = Cap.FRO.in(givenCap) ? givenCap : givenCap | (long) OWN_FRO << Cap.FRO.lo();
    ecap = Ecap.IRO.in(givenEcap) ? givenEcap : givenEcap | (long) OWN_IRO << Ecap.IRO.lo();
    iva = (int) Ecap.IRO.get(ecap) * 16;
    frcd = (int) Cap.FRO.get(cap) * 16;
    records = (int) Cap.NFR.get(cap) + 1;
    beyondHost = -1L << hostAddressWidth;
    declare();
  }

  /** Whether register-based invalidation exists: up to major version 5. */
  boolean hasRegisterInvalidation() {
    return VersionRegister.MAX.get(ver) < 6;
  }

  /** Offset of the low half of a fault recording register. */
  int record(int index) {
    return frcd + 16 * index;
  }

  /**
   * The block of registers.
   *
   * @throws IllegalArgumentException if CAP.FRO or ECAP.IRO places registers over others
   */
  RegisterBlock block() {
    int end = 0x100;
    for (Register one : registers) {
      end = Math.max(end, one.offset() + one.bytes());
    }
    boolean hasMtrrs = Ecap.MTS.in(ecap);
    for (Register one : registers) {
      if (hasMtrrs && one.offset() < MTRR_END && one.offset() + 8 > MTRR_FIRST) {
        throw new IllegalArgumentException(
            "%s at 0x%x: expected a place outside 0x100..0x21f, which ECAP.MTS takes"
                .formatted(one.name(), one.offset()));
      }
    }
    return new RegisterBlock((end + PAGE - 1) / PAGE * PAGE, registers);
  }

  private void declare() {
    boolean plmr = Cap.PLMR.in(cap);
    boolean phmr = Cap.PHMR.in(cap);
    fixed("VER", VER, 4, ver);
    fixed("CAP", CAP, 8, cap);
    fixed("ECAP", ECAP, 8, ecap);
    long commands = mask(GlobalCommand.STRUCTURE);
    registers.add(new Register("GCMD", GCMD, 4, 0, 0, commands, 0));
    fixed("GSTS", GSTS, 4, 0);
    held("RTADDR", RTADDR, 8, mask(RootTableAddress.STRUCTURE) & ~beyondHost);
    declareRegisterInvalidation();
    clearable(
        "FSTS", FSTS, mask(FaultStatus.PFO, FaultStatus.IQE, FaultStatus.ICE, FaultStatus.ITE));
    event("FE", FECTL, true);
    fixed("AFLOG", AFLOG, 8, 0);
    held("PMEN", PMEN, 4, plmr || phmr ? ProtectedMemoryEnable.EPM.mask() : 0);
    long low = plmr ? ProtectedMemoryEnable.LOW.mask() & ~PROTECTED_UNIT : 0;
    long high = phmr ? ProtectedMemoryEnable.HIGH.mask() & ~PROTECTED_UNIT & ~beyondHost : 0;
    held("PLMBASE", PLMBASE, 4, low);
    held("PLMLIMIT", PLMLIMIT, 4, low);
    held("PHMBASE", PHMBASE, 8, high);
    held("PHMLIMIT", PHMLIMIT, 8, high);
    declareQueues();
    for (int i = 0; i < records; i++) {
      fixed("FRCD" + i + ".low", record(i), 8, 0);
      long fault = FaultRecordFormat.F.mask();
      registers.add(new Register("FRCD" + i + ".high", record(i) + 8, 8, 0, fault, 0, 0));
    }
  }

  private void declareRegisterInvalidation() {
    boolean has = hasRegisterInvalidation();
    long actual = RegisterInvalidation.CAIG.mask();
    long unseen = mask(RegisterInvalidation.SID, RegisterInvalidation.FM);
    long context = has ? mask(RegisterInvalidation.CONTEXT) & ~actual : 0;
    registers.add(new Register("CCMD", CCMD, 8, context, 0, unseen, 0));
    long address = has ? mask(RegisterInvalidation.ADDRESS) : 0;
    registers.add(new Register("IVA", iva, 8, address, 0, address, 0));
    long done = RegisterInvalidation.IAIG.mask();
    held("IOTLB", iva + 8, 8, has ? mask(RegisterInvalidation.IOTLB) & ~done : 0);
  }

  private void declareQueues() {
    boolean queued = Ecap.QI.in(ecap);
    boolean paged = Ecap.PRS.in(ecap);
    fixed("IQH", IQH, 8, 0);
    held("IQT", IQT, 8, queued ? mask(QueueRegisters.TAIL) : 0);
    held("IQA", IQA, 8, queued ? mask(QueueRegisters.ADDRESS) & ~beyondHost : 0);
    clearable("ICS", ICS, queued ? mask(QueueRegisters.COMPLETION) : 0);
    event("IE", IECTL, queued);
    fixed("IQERCD", IQERCD, 8, 0);
    held("IRTA", IRTA, 8, Ecap.IR.in(ecap) ? mask(QueueRegisters.INTERRUPT_TABLE) : 0);
    held("PQH", PQH, 8, paged ? mask(QueueRegisters.PAGE_HEAD) : 0);
    held("PQT", PQT, 8, paged ? mask(QueueRegisters.PAGE_TAIL) : 0);
    held("PQA", PQA, 8, paged ? mask(QueueRegisters.PAGE_ADDRESS) & ~beyondHost : 0);
    clearable("PRS", PRS, paged ? mask(QueueRegisters.PAGE_STATUS) : 0);
    event("PE", PECTL, paged);
  }

  /** Control, data, address and upper address of an event. */
  private void event(String name, int offset, boolean present) {
    long masked = present ? EventRegisters.IM.mask() : 0;
    registers.add(new Register(name + "CTL", offset, 4, masked, 0, 0, masked));
    held(name + "DATA", offset + 4, 4, present ? mask(EventRegisters.DATA) : 0);
    held(name + "ADDR", offset + 8, 4, present ? mask(EventRegisters.ADDRESS) : 0);
    boolean upper = present && Ecap.EIM.in(ecap);
    held(name + "UADDR", offset + 12, 4, upper ? mask(EventRegisters.UPPER_ADDRESS) : 0);
  }

  private void fixed(String name, int offset, int bytes, long value) {
    registers.add(new Register(name, offset, bytes, 0, 0, 0, value));
  }

  private void held(String name, int offset, int bytes, long writable) {
    registers.add(new Register(name, offset, bytes, writable, 0, 0, 0));
  }

  private void clearable(String name, int offset, long bits) {
    registers.add(new Register(name, offset, 4, 0, bits, 0, 0));
  }

  private static long mask(Structure structure) {
    return ~structure.reserved(0);
  }

  private static long mask(Field... fields) {
    long bits = 0;
    for (Field field : fields) {
      bits |= field.mask();
    }
    return bits;
  }
}
