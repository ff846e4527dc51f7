package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.EndlessMachines;
import dev.nestwalk.memory.Opening;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The explorer's lists over tables that list without end: they stop, and say so. */
class EndlessListsTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  void listsOfRequestersAndRangesStop(EndlessMachines.Kind kind) throws Exception {
    Path stem = folder.resolve("endless");
    EndlessMachines.write(kind, stem);
    Image image = Image.ofScenario(stem, null);
    try (Arena arena = Arena.ofConfined()) {
      Exploration exploration =
          new Exploration(image, image.open(Opening.READ_ONLY, arena), Guards.usual(true));
      JsonArray list = exploration.endpoints();
      JsonObject last =
          list.isEmpty() ? new JsonObject() : list.get(list.size() - 1).getAsJsonObject();
      boolean many = kind == EndlessMachines.Kind.PASIDS || kind == EndlessMachines.Kind.STREAMS;
      assertEquals(many, last.has("stopped"), last.toString());
      assertTrue(list.size() < 5000, list.size() + " endpoints");
      JsonObject asked = JsonParser.parseString("{\"source\": \"0x0\"}").getAsJsonObject();
      JsonObject ranges = exploration.ranges(new ApiRequest(asked));
      assertTrue(ranges.getAsJsonArray("ranges").size() < 1000, ranges.toString());
    }
  }
}
