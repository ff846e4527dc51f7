package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.ProtectedMemoryEnable;
import dev.nestwalk.vtd.RootTableAddress;
import dev.nestwalk.vtd.VtdCapabilities;
import java.util.Map;

/** A unit's registers, read field by field (VT-d 11.4.2 to 11.4.8). */
final class VtdUnit {
  private final Map<String, Long> registers;
  private final long cap;
  private final long ecap;

  /** Host address width in bits. */
  final int haw;

  private final int protectedMemoryLog2;

  VtdUnit(Map<String, Long> registers, int haw, int protectedMemoryLog2) {
    this.protectedMemoryLog2 = protectedMemoryLog2;
    this.registers = Map.copyOf(registers);
    for (String name : new String[] {"CAP", "ECAP", "GSTS", "RTADDR"}) {
      if (!registers.containsKey(name)) {
        throw new IllegalArgumentException("register " + name + " is missing");
      }
    }
    cap = value("CAP");
    ecap = value("ECAP");
    // Whether a set of capabilities is possible is not a step of a walk; one class decides it.
    this.haw = VtdCapabilities.of(cap, ecap, haw).hostAddressWidth();
  }

  private long value(String name) {
    Long value = registers.get(name);
    return value == null ? 0 : value;
  }

  long cap(Field field) {
    return field.get(cap);
  }

  boolean has(Field extended) {
    return extended.get(ecap) != 0;
  }

  boolean hasCap(Field field) {
    return field.get(cap) != 0;
  }

  boolean translationIsOn() {
    return GlobalStatus.TES.get(value("GSTS")) == 1;
  }

  long rootTableAddress() {
    return value("RTADDR");
  }

  int mode() {
    return (int) RootTableAddress.TTM.get(rootTableAddress());
  }

  long rootTable() {
    return RootTableAddress.RTA.get(rootTableAddress()) * 4096;
  }

  /** Whether {@code address} needs more than {@code bits} bits. */
  static boolean exceeds(long address, int bits) {
    return bits < 64 && address >>> bits != 0;
  }

  boolean isBeyondHost(long address) {
    return exceeds(address, haw);
  }

  /** Whether the unit supports an AW code: 1 is 39 bits, 2 is 48, 3 is 57. */
  boolean widthIsSupported(int aw) {
    return aw >= 1 && aw <= 3 && (cap(Cap.SAGAW) & (1L << aw)) != 0;
  }

  boolean widthIsLargest(int aw) {
    for (int wider = aw + 1; wider <= 3; wider++) {
      if (widthIsSupported(wider)) {
        return false;
      }
    }
    return widthIsSupported(aw);
  }

  boolean hasSecondStageWidths() {
    return widthIsSupported(1) || widthIsSupported(2) || widthIsSupported(3);
  }

  /** Number of bits of a second-stage input address under AW code {@code aw}. */
  int secondStageWidth(int aw) {
    int table = aw == 1 ? 39 : aw == 2 ? 48 : 57;
    return Math.min(table, (int) cap(Cap.MGAW) + 1);
  }

  int pasidWidth() {
    return (int) Ecap.PSS.get(ecap) + 1;
  }

  /** Whether {@code value} has a bit set that the structure does not name in word {@code word}. */
  static boolean hasUnnamed(Structure structure, int word, long value) {
    long rest = value;
    for (Field field : structure.fields()) {
      if (field.word() == word) {
        rest &= ~field.mask();
      }
    }
    return rest != 0;
  }

  /** Whether an address field has bits from HAW upwards. */
  boolean pointsBeyondHost(Field address, long word) {
    return isBeyondHost(word & address.mask());
  }

  /** Whether a domain id is wider than CAP.ND allows. */
  boolean domainIsTooWide(long domain) {
    long width = 4 + 2 * cap(Cap.ND);
    return width < 16 && domain >>> width != 0;
  }

  static boolean isInterrupt(long address) {
    return address >= 0xfee0_0000L && address <= 0xfeef_ffffL;
  }

  boolean protectsMemory() {
    return ProtectedMemoryEnable.PRS.get(value("PMEN")) == 1
        && (hasCap(Cap.PLMR) || hasCap(Cap.PHMR));
  }

  boolean isProtected(long address) {
    if (!protectsMemory()) {
      return false;
    }
    boolean inLow =
        hasCap(Cap.PLMR)
            && isWithin(address, value("PLMBASE") & 0xffff_ffffL, value("PLMLIMIT") & 0xffff_ffffL);
    boolean inHigh = hasCap(Cap.PHMR) && isWithin(address, value("PHMBASE"), value("PHMLIMIT"));
    return inLow || inHigh;
  }

  /** Whether an address is between two others, in granules of protected memory. */
  private boolean isWithin(long address, long base, long limit) {
    long block = address >>> protectedMemoryLog2;
    return block >= base >>> protectedMemoryLog2 && block <= limit >>> protectedMemoryLog2;
  }
}
