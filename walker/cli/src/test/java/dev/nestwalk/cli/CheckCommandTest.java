package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code nestwalk check} over rows that are wrong. */
class CheckCommandTest {
  private static final String NAME = "linux72-legacy-48";

  @TempDir Path folder;

  /** The scenario with other rows. */
  private Path with(String... rows) throws IOException {
    return scenario("captures/vtd/" + NAME, rows);
  }

  /**
   * A scenario with other rows.
   *
   * @param path its path below {@code fixtures}
   */
  private Path scenario(String path, String... rows) throws IOException {
    Path from = Scenarios.fixtures().resolve(path);
    Path base = folder.resolve(from.getFileName());
    for (String end : List.of(".elf.gz", ".json")) {
      Path to = Path.of(base + end);
      if (!Files.exists(to)) {
        Files.copy(Path.of(from + end), to);
      }
    }
    List<String> lines = new ArrayList<>(List.of(rows));
    lines.add(0, "source_id,pasid,access,iova,outcome,output,fault,detail");
    Files.write(Path.of(base + ".csv"), lines);
    return base;
  }

  private static final String GOOD = "0x0010,,r,0xffffc000,ok,0x1459fa000,,size=0x1000";
  private static final String BAD = "0x0010,,r,0xfffff000,ok,0x145a3e000,,size=0x1000";
  private static final String FAULT = "0x0011,,w,0x350,fault,,0x5,";

  @Test
  void aWrongRowFailsUnderEachWalkerAndInTheSecondPass() throws IOException {
    Result result = Result.of("check", with(GOOD, BAD));
    assertEquals(1, result.status());
    assertTrue(result.out().contains("[fast; fast, warm; uncached; reference]"), result.out());
    assertTrue(result.out().endsWith("1 passed, 1 failed\n"), result.out());
  }

  @Test
  void jsonNamesWalkersAndHasTheSameStatus() throws IOException {
    Result result = Result.of("check", with(GOOD, BAD), "--format", "json");
    assertEquals(1, result.status());
    JsonObject json = JsonParser.parseString(result.out()).getAsJsonObject();
    JsonObject image = json.getAsJsonArray("images").get(0).getAsJsonObject();
    JsonArray got = image.getAsJsonArray("failures").get(0).getAsJsonObject().getAsJsonArray("got");
    List<String> walkers = new ArrayList<>();
    for (JsonElement answer : got) {
      walkers.add(answer.getAsJsonObject().get("walker").getAsString());
    }
    assertEquals(List.of("fast", "fast, warm", "uncached", "reference"), walkers);
    assertEquals(0, Result.of("check", with(GOOD), "--format", "json").status());
  }

  /** A refusal that no register records is no fault, and the other way round. */
  @Test
  void aFaultThatIsRecordedIsNoMereRefusal() throws IOException {
    assertEquals(0, Result.of("check", with(FAULT)).status());
    assertEquals(1, Result.of("check", with("0x0011,,w,0x350,fault,,,")).status());
    assertEquals(1, Result.of("check", with(FAULT.replace("0x5", "0x6"))).status());
    assertEquals(1, Result.of("check", with(GOOD.replace(",ok,0x1459fa000", ",fault,"))).status());
    assertEquals(
        1, Result.of("check", with(GOOD.replace("ok,0x1459fa000,", "fault,,0x5"))).status());
  }

  /** A stage 2 that records nothing (S2R of the STE is 0) refuses for the same reasons. */
  @Test
  void aRefusalThatIsNotRecordedIsNoFaultOfItsReason() throws IOException {
    String unrecorded = "vectors/smmuv3/s2-r0";
    assertEquals(
        0, Result.of("check", scenario(unrecorded, "0x8001,,r,0x1c80000000,fault,,,")).status());
    for (String reason : List.of("0x10", "0x11", "0x12", "0x13")) {
      String row = "0x8001,,r,0x1c80000000,fault,," + reason + ",";
      assertEquals(1, Result.of("check", scenario(unrecorded, row)).status(), row);
    }
  }
}
