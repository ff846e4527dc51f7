package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The JSON of every shipped scenario is of the documented form, and ends as its row says. */
class TraceSchemaTest {
  private static final int ROWS = 40;
  private static final JsonSchema SCHEMA = schema();

  private static JsonSchema schema() {
    try {
      String text = Files.readString(Scenarios.fixtures().resolveSibling("docs/trace.schema.json"));
      return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(text);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static Stream<Path> scenarios() {
    return Scenarios.under(Scenarios.fixtures()).stream();
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void everyWalkHasTheFormAndTheResult(Path stem) throws IOException {
    Image image = Image.ofScenario(stem, null);
    int step = Math.max(1, image.rows().size() / ROWS);
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      Reference reference = Walker.explaining(image, memory);
      for (int i = 0; i < image.rows().size(); i += step) {
        ScenarioRow row = image.rows().get(i);
        int access = row.write() ? Access.WRITE : Access.READ;
        var request = new Explanation.Request(row.sourceId(), row.pasid(), row.iova(), access);
        var trace = reference.translate(row.sourceId(), row.pasid(), row.iova(), access);
        String json = new Explanation(image, request, trace).json();
        assertEquals(Set.of(), SCHEMA.validate(json, InputFormat.JSON), row.describe());
        JsonObject answer =
            JsonParser.parseString(json).getAsJsonObject().getAsJsonObject("answer");
        // Rows of the deviations' folders are answers that docs/known-deviations.csv sets right.
        assertTrue(
            stem.toString().contains("-deviations")
                || row.expected().stream().anyMatch(expected -> isMet(expected, answer)),
            row.describe() + ": " + answer);
      }
    }
  }

  private static boolean isMet(ScenarioRow.Expected expected, JsonObject answer) {
    boolean ok = answer.get("outcome").getAsString().equals("ok");
    return switch (expected.kind()) {
      case OK -> ok && number(answer, "output") == expected.value();
      case FAULT -> !ok && number(answer, "fault") == expected.value();
      case REFUSED -> !ok && answer.get("record").getAsString().isEmpty();
    };
  }

  private static long number(JsonObject answer, String key) {
    return Long.parseUnsignedLong(answer.get(key).getAsString().substring(2), 16);
  }

  @Test
  void theSchemaRefusesAnotherForm() {
    assertFalse(SCHEMA.validate("{\"trace\": 2}", InputFormat.JSON).isEmpty());
  }
}
