package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code nestwalk decode} as a user meets it. */
class DecodeCommandTest {
  private static final Path LINES = Scenarios.fixtures().resolve("samples/fault-lines.tsv");

  @TempDir Path folder;

  private static Result run(String... arguments) {
    return Result.of((Object[]) arguments);
  }

  private static Result piped(String input, String... arguments) {
    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
      return run(arguments);
    } finally {
      System.setIn(before);
    }
  }

  @Test
  void aLogIsSummedUpFromAFileAndFromStandardInput() throws IOException {
    Result file = run("decode", LINES.toString());
    Result input = piped(Files.readString(LINES), "decode");
    assertEquals(0, file.status());
    assertEquals(file.out(), input.out());
    assertTrue(file.out().contains("19 faults in 20 lines"), file.out());
    assertTrue(file.out().contains("03:00.0: 2, first line 4, last line 13"), file.out());
  }

  @Test
  void jsonHasFindingsAndDevices() {
    JsonObject json =
        JsonParser.parseString(run("decode", LINES.toString(), "--format", "json").out())
            .getAsJsonObject();
    assertEquals(19, json.get("count").getAsInt());
    JsonObject first = json.getAsJsonArray("findings").get(0).getAsJsonObject();
    assertEquals("0x00d0", first.get("source_id").getAsString());
    assertEquals("0x05", first.get("code").getAsString());
    assertTrue(first.getAsJsonArray("fields").size() > 5);
    assertTrue(json.getAsJsonArray("devices").size() > 10);
  }

  @Test
  void aLogWithoutFaultsIsANo() {
    Result result = piped("one\ntwo\n", "decode");
    assertEquals(1, result.status());
    assertEquals("no fault in 2 lines\n", result.out());
    assertEquals("no fault in 0 lines\n", piped("", "decode").out());
    assertFalse(run("decode", "root", "entry", "0x1002").out().contains("no fault"));
    assertEquals("no fault in 1 line\n", piped("one\n", "decode").out());
  }

  @Test
  void aHugeLogShowsEachKindOnce() {
    String line =
        "DMAR: [DMA Read] Request device [%02x:00.0] fault addr %x000 [fault reason 06] x\n";
    StringBuilder log = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      log.append(line.formatted(i & 0xff, i));
    }
    Result result = piped(log.toString(), "decode");
    assertEquals(0, result.status());
    assertTrue(result.out().contains("20000 faults in 20000 lines, 50 of them shown"));
    assertTrue(result.out().length() < 300_000, "characters: " + result.out().length());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"decode hello world", "decode ste", "decode nothing 0x5", "decode frcd 1 2 3"})
  void otherTextsAreRefusedInOneLine(String line) {
    Result result = run(line.split(" ", -1));
    assertEquals(2, result.status(), result.out());
    assertEquals(1, result.err().lines().count(), result.err());
  }

  @Test
  void junkIsRefusedShortAndPrintable() {
    Result result = run("decode", "\u001b[2J" + "x".repeat(100_000));
    assertEquals(2, result.status());
    assertTrue(result.err().length() < 200, result.err());
    assertTrue(result.err().strip().chars().allMatch(c -> c >= ' ' && c < 0x7f), result.err());
  }
}
