package dev.nestwalk.teach;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Registers that a text gives by offset, in words of 32 or 64 bits: halves of a 64-bit register are
 * joined in either order, two 32-bit registers in one 64-bit word are told apart.
 */
final class RegisterPieces {
  private record Register(String name, int bits) {}

  private static final Map<Long, Register> VTD =
      Map.ofEntries(
          register(0x00, "VER", 32),
          register(0x08, "CAP", 64),
          register(0x10, "ECAP", 64),
          register(0x1c, "GSTS", 32),
          register(0x20, "RTADDR", 64),
          register(0x64, "PMEN", 32),
          register(0x68, "PLMBASE", 32),
          register(0x6c, "PLMLIMIT", 32),
          register(0x70, "PHMBASE", 64),
          register(0x78, "PHMLIMIT", 64));
  private static final Map<Long, Register> SMMU =
      Map.ofEntries(
          register(0x00, "IDR0", 32),
          register(0x04, "IDR1", 32),
          register(0x0c, "IDR3", 32),
          register(0x14, "IDR5", 32),
          register(0x20, "CR0", 32),
          register(0x2c, "CR2", 32),
          register(0x44, "GBPA", 32),
          register(0x80, "STRTAB_BASE", 64),
          register(0x88, "STRTAB_BASE_CFG", 32));

  private static final long LOW = 0xffff_ffffL;

  /** Takes the whole of a register. */
  interface Sink {
    void put(String unit, String name, long value);
  }

  /** What is known of a 64-bit register. */
  private static final class Halves {
    private final long offset;
    private @Nullable Long low;
    private @Nullable Long high;

    Halves(long offset) {
      this.offset = offset;
    }
  }

  private final Sink sink;
  private final Map<String, Map<String, Halves>> units = new LinkedHashMap<>();

  RegisterPieces(Sink sink) {
    this.sink = sink;
  }

  private static Map.Entry<Long, Register> register(long offset, String name, int bits) {
    return Map.entry(offset, new Register(name, bits));
  }

  /** Takes a word of 64 bits at an offset. */
  void quad(String unit, boolean vtd, long offset, long value) {
    word(unit, vtd, offset, value & LOW);
    word(unit, vtd, offset + 4, value >>> 32);
  }

  /** Takes a word of 32 bits at an offset. */
  void word(String unit, boolean vtd, long offset, long value) {
    Map<Long, Register> registers = vtd ? VTD : SMMU;
    Register whole = registers.get(offset);
    Register upper = registers.get(offset - 4);
    if (whole != null && whole.bits == 32) {
      sink.put(unit, whole.name, value);
    } else if (whole != null) {
      Halves halves = halves(unit, whole.name, offset);
      halves.low = value;
      join(unit, whole.name, halves);
    } else if (upper != null && upper.bits == 64) {
      Halves halves = halves(unit, upper.name, offset - 4);
      halves.high = value;
      join(unit, upper.name, halves);
    }
  }

  /** Takes a number of unknown width at an offset: a register's whole value. */
  void whole(String unit, boolean vtd, long offset, long value) {
    Register register = (vtd ? VTD : SMMU).get(offset);
    if (value >>> 32 != 0 || register != null && register.bits == 64) {
      quad(unit, vtd, offset, value);
    } else {
      word(unit, vtd, offset, value);
    }
  }

  private Halves halves(String unit, String name, long offset) {
    return units
        .computeIfAbsent(unit, ignored -> new LinkedHashMap<>())
        .computeIfAbsent(name, ignored -> new Halves(offset));
  }

  private void join(String unit, String name, Halves halves) {
    if (halves.low != null && halves.high != null) {
      sink.put(unit, name, halves.high << 32 | halves.low);
    }
  }

  /** What is missing of a register of any unit, in one line; null if nothing is. */
  @Nullable String missing() {
    for (Map<String, Halves> registers : units.values()) {
      for (Map.Entry<String, Halves> entry : registers.entrySet()) {
        Halves halves = entry.getValue();
        if (halves.low == null || halves.high == null) {
          boolean low = halves.low != null;
          return ("%s: the %s 32 bits alone (offset 0x%x), expected those at offset 0x%x too, or"
                  + " both as one word of 64 bits")
              .formatted(
                  entry.getKey(),
                  low ? "low" : "high",
                  halves.offset + (low ? 0 : 4),
                  halves.offset + (low ? 4 : 0));
        }
      }
    }
    return null;
  }
}
