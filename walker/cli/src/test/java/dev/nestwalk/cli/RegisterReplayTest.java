package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.fixtures.trace.RegisterTrace;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Units answer the recorded traces of QEMU line by line, but for known deviations. */
final class RegisterReplayTest {
  private static final Path TRACES = Scenarios.fixtures().resolve("traces");

  @TempDir Path folder;

  private record Run(int status, List<String> out, String err) {
    String last() {
      return out.getLast();
    }
  }

  private static Run run(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status = Main.run(new PrintWriter(out), new PrintWriter(err), args);
    return new Run(status, out.toString().lines().toList(), err.toString());
  }

  @ParameterizedTest
  @CsvSource({"vtd-legacy, 2281, 1", "vtd-scalable-fs, 2072, 1", "smmu-s1, 1635, 0"})
  void everyLineOfATraceComesOutAsRecorded(String name, int lines, int replaced)
      throws IOException {
    RegisterTrace trace = RegisterTrace.load(TRACES.resolve(name));
    try (RegisterReplay replay = new RegisterReplay(trace)) {
      replay.run();
      assertEquals(List.of(), replay.differences());
      assertEquals(lines, replay.passed());
      assertEquals(replaced, replay.replaced());
    }
  }

  @ParameterizedTest(name = "{0}, a snapshot every {1} lines")
  @CsvSource({
    "vtd-legacy, 1",
    "vtd-legacy, 7",
    "vtd-legacy, 1000",
    "vtd-scalable-fs, 1",
    "vtd-scalable-fs, 5",
    "vtd-scalable-fs, 997"
  })
  void aUnitRestoredInAnyStateGivesTheRestOfTheTrace(String name, int every) throws IOException {
    RegisterTrace trace = RegisterTrace.load(TRACES.resolve(name));
    try (RegisterReplay replay = new RegisterReplay(trace)) {
      for (int line = 1; replay.step(); line++) {
        if (line % every == 0) {
          replay.migrate();
        }
      }
      assertEquals(List.of(), replay.differences());
    }
  }

  @Test
  void theCommandReadsPackedAndPlainTraces() throws IOException {
    Run packed = run("replay-registers", TRACES.resolve("vtd-legacy.trace.gz").toString());
    assertEquals("2281 passed, 0 failed", packed.last());
    assertEquals(Main.DONE, packed.status());
    Path plain = copy("vtd-legacy", List.of());
    Run both =
        run("replay-registers", plain.toString(), TRACES.resolve("vtd-scalable-fs").toString());
    assertEquals("4353 passed, 0 failed", both.last());
    assertEquals(Main.DONE, both.status());
  }

  @Test
  void differencesAreToldWithTheirLine() throws IOException {
    Path bent =
        copy(
            "vtd-legacy",
            List.of(
                "61|s 4616434 02000000|s 4616434 03000000",
                "8438|d 0019 - w 0x1000 fault 0x5|d 0019 - w 0x1000 fault 0x6",
                "8439|i fee00000 21|i fee00000 22",
                "8440|r 34 4 2|r 34 4 3"));
    Run run = run("replay-registers", "--failures", "3", bent.toString());
    assertEquals(Main.NO, run.status());
    // The message that was not expected counts beside the one that did not come.
    assertEquals("2277 passed, 5 failed", run.last());
    String text = String.join("\n", run.out());
    assertTrue(
        text.contains(
            "vtd-legacy.trace:61  s 4616434 03000000\n"
                + "    expected 03000000\n"
                + "    got      02000000"),
        text);
    assertTrue(
        text.contains(
            ":8438  d 0019 - w 0x1000 fault 0x6\n    expected fault 0x6\n    got      fault 0x5"),
        text);
    assertTrue(text.contains("… and 2 more"), text);
  }

  @Test
  void aFaultThatIsRecordedIsNotSilent() throws IOException {
    Path bent =
        copy(
            "vtd-legacy",
            List.of("8438|d 0019 - w 0x1000 fault 0x5|d 0019 - w 0x1000 fault silently"));
    assertTrue(run("replay-registers", bent.toString()).last().endsWith("1 failed"));
  }

  /** The last line's interrupts count although no line follows that could notice them. */
  @Test
  void interruptsAfterTheLastLineAreTold() throws IOException {
    Path whole = copy("vtd-legacy", List.of());
    List<String> lines = Files.readAllLines(whole);
    assertEquals("i fee00000 21", lines.get(8438));
    Path deviations = folder.resolve("vtd-legacy.deviations");
    List<String> known = new ArrayList<>(Files.readAllLines(deviations));
    known.removeIf(line -> line.matches("\\d+\\|.*") && number(line) > 8438);
    Files.write(deviations, known);
    Files.write(whole, lines.subList(0, 8439));
    assertTrue(run("replay-registers", whole.toString()).last().endsWith("0 failed"));
    Files.write(whole, lines.subList(0, 8438));
    assertTrue(run("replay-registers", whole.toString()).last().endsWith("1 failed"));
  }

  private static int number(String deviation) {
    return Integer.parseInt(deviation.substring(0, deviation.indexOf('|')));
  }

  @Test
  void aStatusThatStoodThereBeforeIsNoAnswer() throws IOException {
    // Both waits write the same bytes to the same place; the second one is turned into a fence.
    Path stale =
        copy(
            "vtd-legacy",
            List.of(
                "31|s 4616414 02000000|s 461640c 02000000",
                "29|q 460b050 25000000020000001464610400000000|q 460b050"
                    + " 45000000020000000c64610400000000"));
    Run run = run("replay-registers", stale.toString());
    assertTrue(run.last().endsWith("1 failed"), run.last());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "w 18 4 | line 8616: expected w OFFSET SIZE VALUE",
        "q ffffffffffff0000 00 | line 8616: expected an address within the ram",
        "snapshot none.elf.gz | none.elf.gz",
        "snapshot vtd-legacy.json | vtd-legacy.json",
      })
  void badTracesAreRefusedInOneLine(String line, String message) throws IOException {
    Path trace = copy("vtd-legacy", List.of());
    Files.writeString(trace, Files.readString(trace) + line + "\n");
    Run run = run("replay-registers", trace.toString());
    assertEquals(Main.BAD_INPUT, run.status());
    assertTrue(run.err().contains(message), run.err());
    assertEquals(1, run.err().lines().count());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"CAP\": \"0x80d2008c222f0606\"|\"CAP\": \"0x0\"",
        "\"CAP\": \"0x80d2008c222f0606\"|\"CAP\": \"0x80d2008c012f0606\"",
        "\"ECAP\"|\"EXAP\"",
        "\"ram\"|\"rom\"",
        "\"0xc3000\"|\"0xffffffffffff0000\"",
        "\"vtd\"|\"vtx\"",
      })
  void badMachinesAreRefusedInOneLine(String change) throws IOException {
    Path trace = copy("vtd-legacy", List.of());
    Path json = folder.resolve("vtd-legacy.json");
    String[] sides = change.split("\\|", -1);
    String text = Files.readString(json);
    assertTrue(text.contains(sides[0]), change);
    Files.writeString(json, text.replace(sides[0], sides[1]));
    Run run = run("replay-registers", trace.toString());
    assertEquals(Main.BAD_INPUT, run.status(), run.err());
    assertTrue(run.err().startsWith("nestwalk: "), run.err());
    assertTrue(run.err().contains("vtd-legacy.json"), run.err());
    assertEquals(1, run.err().lines().count());
  }

  @Test
  void theUnitAskedForHasToBeTheTraces() {
    Run run = run("replay-registers", "--unit", "smmuv3", TRACES.resolve("vtd-legacy").toString());
    assertEquals(Main.BAD_INPUT, run.status());
    assertTrue(run.err().contains("expected one of smmuv3"), run.err());
  }

  /** A plain copy of a trace and what belongs to it; changes are {@code LINE|before|after}. */
  private Path copy(String name, List<String> changes) throws IOException {
    for (String suffix : List.of(".json", ".elf.gz", ".deviations")) {
      Files.copy(
          TRACES.resolve(name + suffix),
          folder.resolve(name + suffix),
          StandardCopyOption.REPLACE_EXISTING);
    }
    try (GZIPInputStream in =
        new GZIPInputStream(Files.newInputStream(TRACES.resolve(name + ".trace.gz")))) {
      List<String> lines =
          new ArrayList<>(new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList());
      for (String change : changes) {
        String[] parts = change.split("\\|", -1);
        int index = Integer.parseInt(parts[0]) - 1;
        assertEquals(parts[1], lines.get(index));
        lines.set(index, parts[2]);
      }
      return Files.write(folder.resolve(name + ".trace"), lines);
    }
  }
}
