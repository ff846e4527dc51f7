package dev.nestwalk.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.smmu.EventRecord;
import dev.nestwalk.smmu.EventType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Declarations that are mistakes are refused where they are made. */
final class DeclarationsTest {
  @ParameterizedTest
  @CsvSource({"3, 4", "0, -1", "64, 63", "128, 127", "127, 0"})
  void aFieldLiesWithinOneWord(int hi, int lo) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Field.of("F", hi, lo, "a field"));
    assertTrue(String.valueOf(e.getMessage()).startsWith("F[" + hi + ":" + lo + "]"));
  }

  @Test
  void aFieldIsItsBits() {
    Field wide = Field.of("WIDE", 127, 64, "all of word 1");
    assertEquals(1, wide.word());
    assertEquals(64, wide.width());
    assertEquals(-1, wide.mask());
    assertEquals("WIDE[127:64]", wide.label());
    Field bit = Field.bit("BIT", 66, "one of it");
    assertEquals("BIT[66]", bit.label());
    assertEquals(4, bit.mask());
    assertTrue(bit.in(-1));
    assertFalse(bit.in(~4));
    assertEquals(1, bit.get(4));
  }

  @Test
  void fieldsOfAStructureLieInItAndApart() {
    Field low = Field.of("LOW", 7, 0, "low");
    Field over = Field.of("OVER", 8, 7, "over it");
    Field outside = Field.bit("OUTSIDE", 64, "outside");
    assertThrows(IllegalArgumentException.class, () -> Structure.of("S", "1", 1, low, over));
    assertThrows(IllegalArgumentException.class, () -> Structure.of("S", "1", 1, low, outside));
    Structure two = Structure.of("S (two words)", "1", 2, low, outside);
    assertEquals(16, two.bytes());
    assertEquals(~0xffL, two.reserved(0));
    assertEquals(~1L, two.reserved(1));
    Listing listing = Listing.of(two, Listing.Unnamed.RESERVED, "for a test");
    assertEquals("s-two-words", listing.id());
    assertEquals("s-two-words", Listing.idOf("(S) two--words!"));
  }

  @Test
  void eachEventHasTheStructureOfItsKind() {
    for (EventType type : EventType.values()) {
      Structure structure = EventRecord.of(type.code());
      String kind =
          switch (type) {
            case F_STE_FETCH, F_CD_FETCH -> "Event (fetch)";
            case F_WALK_EABT -> EventRecord.WALK.name();
            case F_BAD_ATS_TREQ, F_TRANSL_FORBIDDEN -> "Event (forbidden request)";
            case F_TRANSLATION, F_ADDR_SIZE, F_ACCESS, F_PERMISSION ->
                EventRecord.TRANSLATION.name();
            default -> "Event (configuration)";
          };
      assertEquals(kind, structure.name(), type.name());
    }
    assertEquals(EventRecord.CONFIGURATION, EventRecord.of(0xff));
  }
}
