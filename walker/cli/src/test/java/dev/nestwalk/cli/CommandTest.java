package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command line as a user meets it: what is printed where, and the exit status. */
final class CommandTest {
  private static final Path FIXTURES = Scenarios.fixtures();
  private static final String LEGACY =
      FIXTURES.resolve("captures/vtd/linux72-legacy-48").toString();
  private static final String SCALABLE =
      FIXTURES.resolve("captures/vtd/linux72-scalable-fs-48").toString();

  @TempDir Path folder;

  private static Result run(String... arguments) {
    return Result.of((Object[]) arguments);
  }

  private static void assertBadInput(Result result, String... parts) {
    assertEquals(2, result.status(), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
    assertFalse(result.err().contains("Exception"), result.err());
    for (String part : parts) {
      assertTrue(result.err().contains(part), result.err());
    }
  }

  @Test
  void translatePrintsOutputSizeAndRights() {
    Result result = run("translate", LEGACY, "--source", "00:02.0", "--iova", "0xffffc000");
    assertEquals("ok 0x1459fa000 size=4K perm=rw\n", result.out());
    assertEquals(0, result.status());
  }

  @Test
  void translatePrintsContiguousPieces() {
    Result result =
        run("translate", LEGACY, "--source", "0x10", "--iova", "ffffc000", "--length", "4K");
    assertEquals("ok 0x1459fa000 size=4K perm=rw\n", result.out());
  }

  @Test
  void translatePrintsTheFaultWithItsRecord() {
    Result result = run("translate", LEGACY, "--source", "00:02.0", "--iova", "0", "--write");
    assertEquals(1, result.status());
    assertTrue(result.out().startsWith("fault 0x5 LGN.2 stage=2 level="), result.out());
    assertTrue(result.out().contains("8000000500000010:0000000000000000"), result.out());
  }

  @Test
  void checkPassesEveryShippedRowUnderEveryWalker() {
    Result result = run("check", "--details", FIXTURES.toString());
    assertEquals(0, result.status(), result.out());
    assertFalse(result.out().contains("skipped"), "every row counts");
    String last = result.out().lines().reduce("", (a, b) -> b);
    assertEquals("27386 passed, 0 failed", last);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fast", "uncached", "reference", "all"})
  void checkFindsAWrongExpectation(String walker) throws IOException {
    Path source = Path.of(SCALABLE);
    for (String suffix : new String[] {".json", ".elf.gz"}) {
      Files.copy(Path.of(SCALABLE + suffix), folder.resolve(source.getFileName() + suffix));
    }
    String rows = Files.readString(Path.of(SCALABLE + ".csv"));
    String broken = rows.replaceFirst("ok,0x([0-9a-f]+)", "ok,0x1000");
    Files.writeString(folder.resolve(source.getFileName() + ".csv"), broken);
    Result result = run("check", "--walker", walker, folder.toString());
    assertEquals(1, result.status());
    assertTrue(result.out().contains("expected ok 0x1000"), result.out());
    assertTrue(result.out().endsWith(" passed, 1 failed\n"), result.out());
  }

  @Test
  void checkComparesRecordsOnlyWithDetails() throws IOException {
    Path source = Path.of(LEGACY);
    for (String suffix : new String[] {".json", ".elf.gz"}) {
      Files.copy(Path.of(LEGACY + suffix), folder.resolve(source.getFileName() + suffix));
    }
    String rows = Files.readString(Path.of(LEGACY + ".csv"));
    String broken = rows.replaceFirst(",c0000006", ",c8000006");
    Files.writeString(folder.resolve(source.getFileName() + ".csv"), broken);
    assertEquals(0, run("check", folder.toString()).status());
    Result strict = run("check", "--details", folder.toString());
    assertEquals(1, strict.status());
    assertTrue(strict.out().contains("record c0000006"), strict.out());
  }

  @Test
  void explainTellsEachReadAndTheSection() {
    Result result = run("explain", SCALABLE, "--source", "00:02.0", "--iova", "0xffffc000");
    assertEquals(0, result.status());
    for (String part :
        new String[] {"PASID table entry 0", "(VT-d 9.6)", "[stage 1, level 4]", "ok 0x"}) {
      assertTrue(result.out().contains(part), part + " in " + result.out());
    }
  }

  @Test
  void explainAsJsonHasTheSameAnswer() {
    Result result =
        run("explain", LEGACY, "--source", "10", "--iova", "ffffc000", "--format", "json");
    JsonObject answer =
        JsonParser.parseString(result.out()).getAsJsonObject().getAsJsonObject("answer");
    assertEquals("0x1459fa000", answer.get("output").getAsString());
  }

  @Test
  void inspectListsTheRangesOfAnEndpoint() {
    Result result = run("inspect", LEGACY, "--source", "00:02.0");
    assertEquals(0, result.status());
    assertTrue(result.out().contains("-0x0000ffffcfff -> 0x1459fa000  4K rw"), result.out());
    JsonObject json =
        JsonParser.parseString(run("inspect", LEGACY, "--format", "json").out()).getAsJsonObject();
    assertTrue(json.getAsJsonArray("endpoints").size() > 5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".json", ".csv", ".elf.gz"})
  void anyFileOfAScenarioNamesIt(String suffix) {
    assertEquals(0, run("check", LEGACY + suffix).status());
  }

  @Test
  void inspectListsTheRequesterAskedForAlone() {
    Result result = run("inspect", LEGACY, "--source", "00:02.0", "--format", "json");
    JsonArray endpoints =
        JsonParser.parseString(result.out()).getAsJsonObject().getAsJsonArray("endpoints");
    assertEquals(1, endpoints.size());
    assertEquals("00:02.0", endpoints.get(0).getAsJsonObject().get("bdf").getAsString());
  }

  /** Its tables are there, and described, but translate nothing. */
  @ParameterizedTest
  @CsvSource({"vtd/linux72-legacy-48, GSTS", "smmuv3/s1-4k-strict, CR0"})
  void inspectOfAUnitThatIsOffListsNoRanges(String name, String register) throws IOException {
    Path image = FIXTURES.resolve("captures/" + name);
    Path json = image.resolveSibling(image.getFileName() + ".json");
    String on = Files.readString(json);
    String off = on.replaceFirst("(\"" + register + "\": *)\"[^\"]*\"", "$1\"0x0\"");
    assertNotEquals(on, off);
    Path registers = Files.writeString(folder.resolve("off.json"), off);
    Result result =
        run("inspect", image.toString(), "--registers", registers.toString(), "--format", "json");
    JsonObject told = JsonParser.parseString(result.out()).getAsJsonObject();
    assertEquals("off", told.get("translation").getAsString());
    assertTrue(told.getAsJsonArray("endpoints").size() > 2);
    for (JsonElement endpoint : told.getAsJsonArray("endpoints")) {
      assertEquals(0, endpoint.getAsJsonObject().getAsJsonArray("ranges").size());
    }
  }

  @Test
  void inspectNamesTheRequesterItselfInTheFaultOfASharedTable() {
    for (String image : new String[] {LEGACY, SCALABLE}) {
      JsonObject json =
          JsonParser.parseString(run("inspect", image, "--format", "json").out()).getAsJsonObject();
      int refused = 0;
      for (JsonElement one : json.getAsJsonArray("endpoints")) {
        JsonObject endpoint = one.getAsJsonObject();
        String fault = endpoint.has("fault") ? endpoint.get("fault").getAsString() : "";
        if (fault.contains("record=")) {
          String high = fault.replaceFirst(".*record=([0-9a-f]{16}):.*", "$1");
          String source = endpoint.get("source_id").getAsString();
          assertEquals(source, "0x" + high.substring(12), fault);
          refused++;
        }
      }
      assertTrue(refused > 1, image);
    }
  }

  @Test
  void smmuImagesAreTranslatedExplainedAndInspected() {
    String nested = FIXTURES.resolve("captures/smmuv3/nested-vm-4k").toString();
    Result translated = run("translate", nested, "--source", "8", "--iova", "ff840000");
    assertEquals("ok 0x569e0000 size=4K perm=rw\n", translated.out());
    Result explained = run("explain", nested, "--source", "8", "--iova", "ff840000");
    for (String part : new String[] {"STE of StreamID 0x8", "CD 0", "for the output", "Normal"}) {
      assertTrue(explained.out().contains(part), part + " in " + explained.out());
    }
    Result inspected = run("inspect", nested, "--source", "8");
    assertTrue(inspected.out().contains("nested, stage 1 4K over stage 2 4K"), inspected.out());
    assertTrue(
        inspected.out().contains("0x0000ff840000-0x0000ff85ffff -> 0x569e0000  128K rw"),
        inspected.out());
    Result fault = run("translate", nested, "--source", "8", "--iova", "0");
    assertEquals(1, fault.status());
    assertTrue(fault.out().startsWith("fault 0x10 F_TRANSLATION stage=1"), fault.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"translate", "check", "explain", "inspect"})
  void everyCommandHelpsWithAnExample(String command) {
    Result result = run(command, "--help");
    assertEquals(0, result.status());
    assertTrue(result.out().contains("Example: nestwalk " + command), result.out());
  }

  @ParameterizedTest
  @CsvSource({
    "--source zz --iova 0, expected a requester id",
    "--source 00:20.0 --iova 0, expected a requester id",
    "--source 0x12345 --iova 0, expected 16 bits",
    "--source 10 --iova 0xg, expected a hexadecimal address",
    "--source 10 --iova 11112222333344445, expected a hexadecimal address",
    "--source 10 --iova 0 --pasid 100000, at most 20 bits",
    "--source 10 --iova 0 --length 0, expected a length",
    "--source 10 --iova fffffffffffff000 --length 2000, pass the end",
    "--iova 0, --source",
    "--source 10 --iova 0 --nonsense, --nonsense",
  })
  void badArgumentsGetOneLine(String arguments, String expected) {
    String[] given = ("translate " + LEGACY + " " + arguments).split(" ");
    assertBadInput(run(given), expected);
  }

  @Test
  void missingImageGetsOneLine() {
    assertBadInput(run("check", folder.resolve("no.elf").toString()), "no such image");
    assertBadInput(run("check", folder.toString()), "expected scenarios");
    assertBadInput(run("frob"), "frob");
    assertEquals(run("help").out(), run().out());
    assertEquals(0, run().status());
  }

  @Test
  void brokenFilesGetOneLineWithFileAndPlace() throws IOException {
    String good = Files.readString(Path.of(LEGACY + ".json"));
    Files.copy(Path.of(LEGACY + ".elf.gz"), folder.resolve("x.elf.gz"));
    Files.writeString(folder.resolve("x.csv"), "nonsense\n");
    String stem = folder.resolve("x").toString();
    assertBadInput(run("check", stem), "x.json", "no such file");
    Files.writeString(folder.resolve("x.json"), "{");
    assertBadInput(run("check", stem), "x.json", "line 1, column 2: expected JSON");
    Files.writeString(folder.resolve("x.json"), good.replace("\"CAP\"", "\"CUP\""));
    assertBadInput(run("translate", stem, "--source", "10", "--iova", "0"), "CAP");
    Files.writeString(folder.resolve("x.json"), good);
    assertBadInput(run("check", stem), "x.csv: line 1", "expected the header");
    byte[] image = Files.readAllBytes(Path.of(LEGACY + ".elf.gz"));
    Files.write(folder.resolve("x.elf.gz"), Arrays.copyOf(image, image.length / 2));
    assertBadInput(run("translate", stem, "--source", "10", "--iova", "0"), "x.elf.gz");
  }
}
