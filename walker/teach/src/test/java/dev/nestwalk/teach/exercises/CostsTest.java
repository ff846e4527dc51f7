package dev.nestwalk.teach.exercises;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pages of a question about tables are none of those that a VT-d unit takes for interrupts. */
class CostsTest {
  @ParameterizedTest
  @CsvSource({
    "0xfe800000, 1536, 0xfe800000",
    "0xfe800000, 1537, 0x13e800000",
    "0xfe800000, 1999, 0x13e800000",
    "0xfeeff000, 2, 0x13eeff000",
    "0xfef00000, 2, 0xfef00000",
    "0x40000000, 1999, 0x40000000"
  })
  void pagesAreClearOfTheInterruptRange(String drawn, int pages, String first) {
    assertEquals(
        Long.decode(first).longValue(), Costs.clearOfInterrupts(Long.decode(drawn), pages));
  }
}
