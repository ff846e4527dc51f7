package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.explain.DecodedField;
import dev.nestwalk.format.Field;
import dev.nestwalk.format.Listing;
import dev.nestwalk.smmu.SmmuStructures;
import dev.nestwalk.vtd.VtdStructures;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A field's meaning is that of the value at hand, not the list of all values. */
class FieldMeaningTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // Lists, in decimal.
        "PS     | 1 | 0 | 0: points to a table; 1: maps a page at this level | points to a table",
        "PS     | 1 | 1 | 0: points to a table; 1: maps a page at this level | maps a page at this"
            + " level",
        "S2TG   | 2 | 2 | granule: 0 4K, 1 64K, 2 16K | granule: 16K",
        "S2TG   | 2 | 3 | granule: 0 4K, 1 64K, 2 16K | granule: 0 4K, 1 64K, 2 16K",
        "OAS    | 3 | 6 | output size: 0 32 bits, 6 52 bits | output size: 52 bits",
        "RC     | 4 | 15 | 0 success, 1 invalid request, 15 response failure | response failure",
        // Lists, in binary, with digits that do not count.
        "CONFIG | 3 | 3 | 0xx abort, 100 bypass, 101 stage 1 | abort",
        "CONFIG | 3 | 5 | 0xx abort, 100 bypass, 101 stage 1 | stage 1",
        "TT     | 2 | 1 | 00 second stage, 01 second stage and device-TLB, 11 reserved | second"
            + " stage and device-TLB",
        "FSPM   | 2 | 3 | 00 4-level, 01 5-level (CAP.FS5LP), 1x reserved | reserved",
        // Ranges, what is left, arithmetic within an entry.
        "SPAN   | 5 | 0 | 0: no leaf; 1 to 11: a leaf of 2^(SPAN-1) STEs; else reserved | no leaf",
        "SPAN   | 5 | 9 | 0: no leaf; 1 to 11: a leaf of 2^(SPAN-1) STEs; else reserved | a leaf of"
            + " 2^(9-1) = 256 STEs",
        "SPAN   | 5 | 12 | 0: no leaf; 1 to 11: a leaf of 2^(SPAN-1) STEs; else reserved |"
            + " reserved",
        // Arithmetic.
        "MGAW   | 6 | 38 | input addresses have MGAW + 1 bits | input addresses have 38 + 1 = 39"
            + " bits",
        "T0SZ   | 6 | 25 | the lower range has 64 - T0SZ bits | the lower range has 64 - 25 = 39"
            + " bits",
        "ND     | 3 | 6 | domain-id width is 4 + 2*ND bits | domain-id width is 4 + 2*6 = 16 bits",
        "FRO    | 10 | 34 | fault recording registers are at offset 16 * FRO | fault recording"
            + " registers are at offset 16 * 34 = 544",
        "AM     | 6 | 3 | 2^AM pages | 2^3 = 8 pages",
        "AM     | 6 | 63 | 2^AM pages | 2^AM pages",
        "DID    | 16 | 5 | domain id; bits from 4 + 2*CAP.ND reserved | domain id; bits from 4 +"
            + " 2*CAP.ND reserved",
        // Single bits.
        "R      | 1 | 0 | readable | not readable",
        "R      | 1 | 1 | readable | readable",
        "HD     | 1 | 0 | hardware dirty state | not set (1: hardware dirty state)",
        "PWT    | 1 | 0 | memory type; no effect | memory type; no effect",
        // Lines that hold for every value, though they have numbers in them.
        "SAGAW  | 5 | 4 | second-stage widths: bit 1 39-bit, bit 2 48-bit | second-stage widths:"
            + " bit 1 39-bit, bit 2 48-bit",
        "ADDR   | 38 | 16 | next table; from bit 14 for 16K, 16 for 64K granules | next table; from"
            + " bit 14 for 16K, 16 for 64K granules",
        "VMW    | 3 | 1 | invalidations ignore this many low VMID bits, 0 to 4 | invalidations"
            + " ignore this many low VMID bits, 0 to 4",
      })
  void saysWhatTheValueMeans(String name, int bits, long value, String meaning, String expected) {
    assertEquals(expected, Field.of(name, bits - 1, 0, meaning).meaningOf(value));
  }

  @Test
  void aStoredFieldEqualsTheReadOneIfItSaysSoInTheSameWords() {
    Field declared = Field.of("PS", 7, 7, "0: points to a table; 1: maps a page at this level");
    DecodedField read = DecodedField.of(declared, new long[] {0x80});
    assertEquals("maps a page at this level", read.meaning());
    DecodedField stored = new DecodedField("PS", 7, 7, 1, "maps a page at this level");
    assertEquals(read, stored);
    assertEquals(read.hashCode(), stored.hashCode());
    assertNotEquals(read, new DecodedField("PS", 7, 7, 1, "a page"));
    assertNotEquals(read, DecodedField.of(declared, new long[] {0}));
  }

  private static Stream<Listing.Part> declared() {
    return Stream.of(VtdStructures.ALL, SmmuStructures.ALL)
        .flatMap(List::stream)
        .flatMap(listing -> listing.parts().stream())
        .filter(Listing.Part::isNamed);
  }

  @Test
  void everyDeclaredFieldSaysSomethingOfEveryValue() {
    declared()
        .forEach(
            part -> {
              long most = -1L >>> 63 - (part.hi() - part.lo());
              for (long value : new long[] {0, 1, 2, 3, most >>> 1, most, -1}) {
                if (Long.compareUnsigned(value, most) <= 0) {
                  String said = part.meaningOf(value);
                  assertFalse(said.isBlank(), part.toString());
                  assertEquals(1, said.lines().count(), part.toString());
                }
              }
            });
  }

  @Test
  void bothValuesOfABitAreToldApart() {
    declared()
        .filter(part -> part.hi() == part.lo() && !part.isIgnored())
        .filter(part -> !part.meaning().matches("(memory type;|secure only|with T[12]:).*"))
        .forEach(
            part ->
                assertTrue(
                    !part.meaningOf(0).equals(part.meaningOf(1)), part + ": says one thing"));
  }
}
