package dev.nestwalk.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.nestwalk.bench.cost.command.CostMain;
import dev.nestwalk.fixtures.Scenarios;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Results that cost and scoreboard write as JSON are of the form that {@code docs/schemas} tells.
 */
class ResultSchemasTest {
  @TempDir private Path folder = Path.of("");

  private static JsonSchema schema(String name) throws IOException {
    Path file = Scenarios.fixtures().resolveSibling("docs/schemas/" + name + ".schema.json");
    return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
        .getSchema(Files.readString(file));
  }

  /** The text has the form, and lacks it as soon as any key is left out or another is added. */
  private static void assertForm(String name, String text, Set<String> optional)
      throws IOException {
    JsonSchema schema = schema(name);
    assertEquals(Set.of(), schema.validate(text, InputFormat.JSON), name);
    JsonObject whole = JsonParser.parseString(text).getAsJsonObject();
    for (JsonObject part : parts(whole)) {
      for (String key : List.copyOf(part.keySet())) {
        JsonElement value = part.remove(key);
        boolean valid = schema.validate(whole.toString(), InputFormat.JSON).isEmpty();
        assertEquals(optional.contains(key), valid, name + " without " + key);
        part.add(key + "x", value);
        assertFalse(schema.validate(whole.toString(), InputFormat.JSON).isEmpty(), key + "x");
        part.remove(key + "x");
        part.add(key, value);
      }
    }
  }

  /** The document, and the first element of each of its lists of objects. */
  private static List<JsonObject> parts(JsonObject whole) {
    List<JsonObject> parts = new ArrayList<>(List.of(whole));
    for (String key : whole.keySet()) {
      if (whole.get(key) instanceof JsonArray list
          && !list.isEmpty()
          && list.get(0) instanceof JsonObject first) {
        parts.add(first);
      }
    }
    return parts;
  }

  private String cost(String arguments) throws IOException {
    Path file = folder.resolve("results.json");
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] words =
        (arguments + " --json " + file)
            .replace("OUT", folder.resolve("sweep").toString())
            .split(" ", -1);
    int status = CostMain.run(new PrintWriter(out), new PrintWriter(err), words);
    assertEquals(0, status, err.toString());
    return Files.readString(file);
  }

  @Test
  void costWritesWhatItsSchemaTells() throws IOException {
    Set<String> optional = Set.of("note", "modelled");
    assertForm(
        "cost",
        cost("sweep --stages 2,nested --engine counted,timed --requests 200 --out OUT"),
        optional);
    assertForm("cost", cost("merge OUT"), optional);
    assertForm("cost", cost("E1 --quick"), optional);
  }

  @Test
  void scoreboardWritesWhatItsSchemaTells() throws IOException {
    Path file = folder.resolve("scores.json");
    PrintStream before = System.out;
    System.setOut(new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8));
    try {
      String[] words = {"scoreboard", "--quick", "--only", "iotlb-hit", "--json", file.toString()};
      assertEquals(0, Scoreboard.run(words));
    } finally {
      System.setOut(before);
    }
    assertForm("scoreboard", Files.readString(file), Set.of());
  }
}
