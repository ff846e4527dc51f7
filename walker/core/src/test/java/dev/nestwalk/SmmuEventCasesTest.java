package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.smmu.EventType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every fault reason is reached, by the case that the documentation names. */
final class SmmuEventCasesTest {
  private static final String PAGE = "docs/smmuv3-event-tests.md";

  static Stream<Arguments> cases() {
    return SmmuEventCases.all().stream()
        .map(one -> Arguments.of(one.event() + ": " + one.how(), one));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void theCaseRaisesItsFault(String name, SmmuEventCases.Case one) {
    try (Arena arena = Arena.ofConfined()) {
      SmmuLab lab = new SmmuLab(arena);
      one.request().accept(lab);
      assertEquals(one.event().code(), lab.code(), name);
      assertTrue(lab.fault().isRecorded(), name);
      assertEquals(one.event().code(), (int) lab.fault().word(0) & 0xff, "record");
    }
  }

  @Test
  void everyEventHasACase() {
    Set<EventType> missing = EnumSet.allOf(EventType.class);
    SmmuEventCases.all().forEach(one -> missing.remove(one.event()));
    assertEquals(Set.of(), missing);
  }

  /** Run with {@code -Dnestwalk.write-docs=true} to write the page anew. */
  @Test
  void theDocumentedListIsTheTestedList() throws IOException {
    Path page = Path.of(System.getProperty("nestwalk.root"), PAGE);
    String text = page();
    if (Boolean.getBoolean("nestwalk.write-docs")) {
      Files.writeString(page, text);
    }
    assertEquals(text, Files.readString(page), PAGE + " is stale");
  }

  private static String page() {
    StringBuilder text = new StringBuilder(8192);
    text.append("# SMMUv3 events and the tests that reach them\n\n");
    text.append("Generated from `EventType` and `SmmuEventCases`; each way is a test.\n\n");
    text.append("| event | name | condition | reached by |\n");
    text.append("| --- | --- | --- | --- |\n");
    for (EventType event : EventType.values()) {
      List<String> ways =
          SmmuEventCases.all().stream()
              .filter(one -> one.event() == event)
              .map(SmmuEventCases.Case::how)
              .toList();
      text.append(
          "| 0x%02x | %s | %s | %s |%n"
              .formatted(event.code(), event, event.condition(), String.join("; ", ways)));
    }
    long lines = Arrays.stream(EventType.values()).count();
    text.append("\n%d events, %d tests.\n".formatted(lines, SmmuEventCases.all().size()));
    return text.toString();
  }
}
