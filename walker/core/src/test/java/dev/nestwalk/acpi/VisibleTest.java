package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Text of unknown origin in messages. */
final class VisibleTest {
  @Test
  void whatNoTerminalShouldSeeIsAQuestionMark() {
    for (int code = 0; code < 0x300; code++) {
      String one = Character.toString(code);
      assertEquals(code >= 0x20 && code < 0x7f ? one : "?", Visible.of(one), "code " + code);
    }
  }

  @Test
  void moreThanSixtyCharactersAreCut() {
    for (int length : new int[] {0, 1, 59, 60}) {
      assertEquals("a".repeat(length), Visible.of("a".repeat(length)));
    }
    for (int length : new int[] {61, 62, 10_000}) {
      assertEquals("a".repeat(60) + "...", Visible.of("a".repeat(length)));
    }
  }
}
