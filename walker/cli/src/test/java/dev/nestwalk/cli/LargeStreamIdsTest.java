package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.ScenarioFiles;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** StreamIDs of more than 16 bits are no functions: they are never named like one. */
class LargeStreamIdsTest {
  private static final StreamEntry BYPASS = new StreamEntry(4);

  @TempDir Path folder;

  private Path image = Path.of("");

  /** An SMMU of 17 StreamID bits with streams whose low 16 bits are equal. */
  @BeforeEach
  void makeMachine() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x8000_0000L, 2048 + 16);
      SmmuMachine machine = new SmmuMachine(memory, 17).register("IDR1", 17);
      for (int stream : new int[] {0x8, 0xffff, 0x1_0008, 0x1_ffff}) {
        machine.stream(stream, BYPASS);
      }
      image = folder.resolve("vm");
      ScenarioFiles.write(image, "smmuv3", -1, memory, machine.registers());
    }
  }

  @Test
  void theListNamesThemByTheirWholeNumber() {
    Result result = Result.of("inspect", image);
    assertEquals(0, result.status(), result.err());
    assertTrue(result.out().contains(" 00:01.0 ff:1f.7 0x10008 0x1ffff\n"), result.out());
    for (String head : List.of("00:01.0 (0x0008) ", "ff:1f.7 (0xffff) ", "0x10008 ", "0x1ffff ")) {
      assertTrue(result.out().contains("\n" + head + "domain "), result.out());
    }
  }

  @Test
  void oneThatTheTablesDoNotHaveIsNotAll() {
    assertTrue(
        Result.of("inspect", image, "--source", "10008").out().contains("\n0x10008 domain "));
    for (String none : List.of("20008", "80000000", "ffffffff")) {
      Result result = Result.of("inspect", image, "--source", none);
      assertFalse(result.out().contains(" domain "), result.out());
    }
  }

  @Test
  void jsonGivesThemNoFunction() {
    Result result = Result.of("inspect", image, "--format", "json");
    List<String> found = new ArrayList<>();
    for (JsonElement endpoint :
        JsonParser.parseString(result.out()).getAsJsonObject().getAsJsonArray("endpoints")) {
      found.add(
          endpoint.getAsJsonObject().get("source_id").getAsString()
              + " "
              + endpoint.getAsJsonObject().get("bdf").getAsString());
    }
    assertEquals(List.of("0x0008 00:01.0", "0xffff ff:1f.7", "0x10008 ", "0x1ffff "), found);
    assertTrue(result.out().contains("\"0x10008\""), result.out());
  }

  @Test
  void anExplanationNamesThemByTheirWholeNumber() {
    String large = explain("0x10008");
    assertTrue(large.contains(" by 0x10008 at 0x1000"), large);
    assertFalse(large.contains("00:01.0"), large);
    assertTrue(explain("0x8").contains(" by 00:01.0 (0x0008) at 0x1000"));
  }

  private String explain(String source) {
    return Result.of("explain", image, "--source", source, "--iova", "0x1000").out();
  }
}
