package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.format.Listing;
import dev.nestwalk.teach.Structures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code nestwalk fields}: a structure for whoever asks. */
final class FieldsCommandTest {
  @TempDir Path folder;

  private static Result run(String... arguments) {
    return Result.of((Object[]) arguments);
  }

  @Test
  void withoutNameItListsEveryStructure() {
    Result result = run("fields");
    assertEquals(0, result.status());
    for (Listing one : Structures.all()) {
      assertTrue(result.out().contains("  " + one.id() + " "), one.id());
    }
    JsonArray list =
        JsonParser.parseString(run("fields", "--format", "json").out()).getAsJsonArray();
    assertEquals(Structures.all().size(), list.size());
    assertEquals("VT-d", list.get(0).getAsJsonObject().get("format").getAsString());
    long lines = run("fields", "--format", "md").out().lines().count();
    assertEquals(Structures.all().size() + 2, lines);
  }

  @Test
  void textHasFieldsAndReservedBits() {
    String text = run("fields", "context-entry").out();
    assertTrue(text.startsWith("Context Entry (VT-d 9.3), 16 bytes\n"), text);
    assertTrue(text.contains("\n87:72     1 [23:8]   DID      domain id;"), text);
    assertTrue(text.contains("\n11:4      0 [11:4]   -        reserved, must be 0\n"), text);
  }

  @Test
  void jsonHasEveryBit() {
    JsonObject all =
        JsonParser.parseString(run("fields", "CR0", "--format", "json").out()).getAsJsonObject();
    assertEquals(32, all.get("bits").getAsInt());
    int bits = 0;
    for (var field : all.getAsJsonArray("fields")) {
      JsonObject one = field.getAsJsonObject();
      bits += one.get("hi").getAsInt() - one.get("lo").getAsInt() + 1;
    }
    assertEquals(32, bits);
  }

  @ParameterizedTest
  @CsvSource({
    "STE, ste",
    "pasid table entry, pasid-table-entry",
    "Context Entry, context-entry",
    "scalable context, scalable-mode-context-entry",
    "strtab_base, strtab-base",
    "first-stage pte, first-stage-pte"
  })
  void aNameIsFoundByItsWords(String name, String id) {
    Result result = run("fields", name, "--format", "json");
    assertEquals(0, result.status(), result.err());
    JsonObject all = JsonParser.parseString(result.out()).getAsJsonObject();
    assertEquals(id, all.get("id").getAsString());
    assertEquals(result.out(), run(("fields " + name + " --format json").split(" ")).out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fields nonsense | 'nonsense': no such structure; nestwalk fields lists their names",
        "fields root | root: 2 structures have that in their names, expected one of root-entry,"
            + " scalable-mode-root-entry",
        "fields --format svg | --format svg: expected a STRUCTURE to draw",
        "fields ste --out /nowhere/x | /nowhere/x: cannot be written: no such file or folder"
      })
  void badInputIsOneLine(String line, String message) {
    Result result = run(line.split(" "));
    assertEquals(2, result.status());
    assertEquals("nestwalk: " + message + System.lineSeparator(), result.err());
  }

  @Test
  void theFigureGoesToAFile() throws IOException {
    Path file = folder.resolve("ste.svg");
    assertEquals("", run("fields", "ste", "--format", "svg", "--out", file.toString()).out());
    assertTrue(Files.readString(file).startsWith("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  }
}
