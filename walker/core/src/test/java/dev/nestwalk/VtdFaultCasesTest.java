package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.vtd.FaultReason;
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
final class VtdFaultCasesTest {
  private static final String PAGE = "docs/vtd-fault-tests.md";

  static Stream<Arguments> cases() {
    return VtdFaultCases.all().stream()
        .map(one -> Arguments.of(one.reason().mnemonic() + ": " + one.how(), one));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void theCaseRaisesItsFault(String name, VtdFaultCases.Case one) {
    try (Arena arena = Arena.ofConfined()) {
      VtdLab lab = new VtdLab(arena);
      one.request().accept(lab);
      assertEquals(one.reason().code(), lab.code(), name);
      assertTrue(lab.fault().isRecorded(), name);
      assertEquals(one.reason().code(), (int) (lab.fault().word(1) >>> 32) & 0xff, "record");
    }
  }

  @Test
  void everyFaultReasonHasACase() {
    Set<FaultReason> missing = EnumSet.allOf(FaultReason.class);
    VtdFaultCases.all().forEach(one -> missing.remove(one.reason()));
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
    text.append("# VT-d fault reasons and the tests that reach them\n\n");
    text.append("Generated from `FaultReason` and `VtdFaultCases`; each line is a test.\n\n");
    text.append("| code | mnemonic | condition | recorded under FPD | reached by |\n");
    text.append("| --- | --- | --- | --- | --- |\n");
    for (FaultReason reason : FaultReason.values()) {
      List<String> ways =
          VtdFaultCases.all().stream()
              .filter(one -> one.reason() == reason)
              .map(VtdFaultCases.Case::how)
              .toList();
      text.append(
          "| 0x%02x | %s | %s | %s | %s |%n"
              .formatted(
                  reason.code(),
                  reason.mnemonic(),
                  reason.condition(),
                  reason.isQualified() ? "no" : "yes",
                  String.join("; ", ways)));
    }
    long lines = Arrays.stream(FaultReason.values()).count();
    text.append("\n%d reasons, %d tests.\n".formatted(lines, VtdFaultCases.all().size()));
    return text.toString();
  }
}
