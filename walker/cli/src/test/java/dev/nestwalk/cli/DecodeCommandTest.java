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
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
  void aLineWithoutEndDoesNotFillTheMemory() throws IOException {
    Path file = folder.resolve("endless");
    long size = 64L << 20;
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(size);
    }
    var threads =
        (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    assertEquals(1, run("decode", file.toString()).status());
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(allocated < size / 4, allocated + " bytes");
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

  private static String fault(String device, int reason) {
    return "DMAR: [DMA Read] Request device [%s] fault addr 1000 [fault reason %02d] x"
        .formatted(device, reason);
  }

  @Test
  void reasonsOfADeviceAreListedByTheirNumber() {
    String log = fault("01:00.0", 5) + "\n" + (fault("01:00.0", 6) + "\n").repeat(3);
    List<String> lines = piped(log, "decode").out().lines().toList();
    int summary = lines.indexOf("01:00.0: 4, first line 1, last line 4");
    assertTrue(lines.get(summary + 1).startsWith("  3 x VT-d fault 0x06"), lines::toString);
    assertTrue(lines.get(summary + 2).startsWith("  1 x VT-d fault 0x05"), lines::toString);
  }

  /** The last line may lack its end; others may have that of another system. */
  @Test
  void linesEndInAnyWay() {
    String log = fault("01:00.0", 5) + "\n" + fault("02:00.0", 6);
    String out = piped(log + "\n", "decode").out();
    assertTrue(out.contains("2 faults in 2 lines"), out);
    assertEquals(out, piped(log, "decode").out());
    assertEquals(out, piped(log.replace("\n", "\r\n") + "\r\n", "decode").out());
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
