package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever commands print as JSON is of the form that {@code docs/schemas} tells. */
class OutputSchemasTest {
  private static final Path FIXTURES = Scenarios.fixtures();
  private static final Path SCHEMAS = FIXTURES.resolveSibling("docs/schemas");

  private static final String[] LINES = {
    "translate | translate F/captures/vtd/linux72-legacy-48 --source 0x10 --iova 0xffffc000",
    "translate | translate F/captures/vtd/linux72-legacy-48 --source 0x10 --iova ffff8000 --length"
        + " 1M",
    "translate | translate F/captures/vtd/linux72-legacy-48 --source 0x10 --iova 0 --atomic",
    "translate | translate F/captures/smmuv3/nested-vm-4k --source 8 --iova 0xffffc000 --write",
    "translate | translate F/captures/smmuv3/nested-vm-4k --source 8 --iova 0 --pasid 1",
    "translate | translate F/captures/smmuv3/nested-vm-4k --source ffff --iova ffffffffffffffff",
    "check | check F/captures/vtd/linux72-legacy-pt F/teaching --walker fast",
    "check | check BAD --failures 3",
    "inspect | inspect F/captures/vtd/linux72-scalable-fs-48",
    "inspect | inspect F/captures/vtd/linux72-nested-48",
    "inspect | inspect F/captures/smmuv3/nested-vm-4k",
    "inspect | inspect F/captures/smmuv3/nested-vm-4k --source 0x55",
    "decode | decode F/samples/fault-lines.tsv",
    "decode | decode frcd 80000005000000d0:0",
    "decode | decode ste 0x100000d 0x0",
    "decode | decode command 0x1 0x2",
    "fields | fields",
    "fields | fields ste",
    "fields | fields pasid table entry",
    "regions-show | regions show F/samples/dmar-client.bin F/samples/iort-simple.bin",
    "regions-show | regions show F/samples/rr-intel-client.txt F/samples/rr-intel-client.txt",
    "regions-show | regions show F/samples/firmware/iort-hi161x.bin",
    "regions-effective | regions effective F/regions/vtd-nested.json",
    "regions-effective | regions effective F/regions/smmuv3-nested.json --policy POSTED_V2",
    "regions-effective | regions effective F/regions/vtd-pasid.json",
    "regions-effective | regions effective F/regions/vtd-back.json",
    "regions-identity | regions identity",
    "regions-identity | regions identity F/samples/dmar-server.bin --align 1M --window 0-ffffffff",
    "regions-explain | regions explain F/regions/vtd-nested.json --space bus:nic --address"
        + " fee00010",
    "regions-explain | regions explain F/regions/vtd-nested.json --space bus:nic --address 0",
    "regions-explain | regions explain F/regions/vtd-nested.json --space space:vm --address"
        + " fee00000",
    "regions-explain | regions explain F/regions/vtd-nested.json --space input:S --address 0",
    "regions-explain | regions explain F/regions/vtd-nested.json --space input:S --address"
        + " 8000000000000000",
    "regions-compare | regions compare",
    "regions-compare | regions compare F/regions/vtd-nested.json",
    "regions-compare | regions compare F/regions/smmuv3-direct.json",
    "regions-replay | regions replay F/captures/vtd/linux72-legacy-48.reserved_regions.txt",
    "regions-replay | regions replay LINUX",
  };

  @TempDir Path folder;

  private record Result(int status, String out) {}

  private static Stream<String> lines() {
    return Arrays.stream(LINES);
  }

  private static JsonSchema schema(String name) throws IOException {
    String text = Files.readString(SCHEMAS.resolve(name + ".schema.json"));
    return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(text);
  }

  /** A scenario one of whose rows is wrong, and a record one of whose answers is not Linux's. */
  @BeforeEach
  void writeWrongOnes() throws IOException {
    Path good = FIXTURES.resolve("teaching/vtd-nested");
    for (String end : List.of(".elf.gz", ".json")) {
      Files.copy(Path.of(good + end), folder.resolve("bad" + end));
    }
    String rows = Files.readString(Path.of(good + ".csv"));
    assertTrue(rows.contains(",ok,0x8"));
    Files.writeString(folder.resolve("bad.csv"), rows.replaceFirst(",ok,0x8", ",ok,0x9"));
    String name = "captures/vtd/linux72-legacy-48.reserved_regions.txt";
    String record = Files.readString(FIXTURES.resolve(name));
    Files.writeString(
        folder.resolve("linux.txt"),
        record.replace("allowed_iova 0x00000000fef00000", "allowed_iova 0x00000000fee80000"));
  }

  private Result run(String line) {
    String command =
        line.replace("F/", FIXTURES + "/")
            .replace("BAD", folder.resolve("bad").toString())
            .replace("LINUX", folder.resolve("linux.txt").toString());
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status =
        Main.run(
            new PrintWriter(out),
            new PrintWriter(err),
            (command + " --format json").split(" +", -1));
    assertTrue(status < 2, err.toString());
    return new Result(status, out.toString());
  }

  @ParameterizedTest
  @MethodSource("lines")
  void outputHasTheFormAndTheSchemaMissesNothing(String line) throws IOException {
    String[] parts = line.split(" \\| ", 2);
    JsonSchema schema = schema(parts[0]);
    String json = run(parts[1]).out();
    assertEquals(Set.of(), schema.validate(json, InputFormat.JSON), line);
    JsonElement whole = JsonParser.parseString(json);
    if (whole.isJsonObject()) {
      for (String key : whole.getAsJsonObject().keySet()) {
        JsonObject without = whole.deepCopy().getAsJsonObject();
        without.remove(key);
        boolean optional = key.equals("host_address_width");
        assertEquals(
            optional, schema.validate(without.toString(), InputFormat.JSON).isEmpty(), key);
        without.addProperty(key + "x", 1);
        assertFalse(schema.validate(without.toString(), InputFormat.JSON).isEmpty(), key);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "check BAD --failures 3 | \"failed\": 1",
        "regions replay LINUX | expected 0x0-0xfedfffff 0xfee80000",
        "regions explain F/regions/vtd-nested.json --space bus:nic --address fee00010"
            + " | \"answer\": \"bound\"",
        "regions explain F/regions/vtd-nested.json --space bus:nic --address 0"
            + " | \"answer\": \"not-bound\"",
        "regions explain F/regions/vtd-nested.json --space space:vm --address fee00000"
            + " | \"answer\": \"free\"",
        "regions explain F/regions/vtd-nested.json --space input:S --address 8000000000000000"
            + " | beyond the aperture",
      })
  void jsonSaysWhatTheTextSays(String line, String part) {
    String json = run(line).out();
    assertTrue(json.contains(part), json);
  }

  @Test
  void statusIsThatOfTheText() {
    assertEquals(1, run("check BAD").status());
    assertEquals(1, run("regions replay LINUX").status());
    assertEquals(1, run(LINES[2].substring(LINES[2].indexOf("| ") + 2)).status());
  }

  @Test
  void everySchemaHasALineAndIsInTheList() throws IOException {
    Set<String> used =
        lines().map(line -> line.split(" ", 2)[0]).collect(Collectors.toCollection(TreeSet::new));
    Set<String> there;
    try (Stream<Path> files = Files.list(SCHEMAS)) {
      there =
          files
              .map(file -> String.valueOf(file.getFileName()))
              .filter(name -> name.endsWith(".json"))
              .map(name -> name.replace(".schema.json", ""))
              .collect(Collectors.toCollection(TreeSet::new));
    }
    used.addAll(List.of("cost", "scoreboard")); // ResultSchemasTest of bench has their output
    assertEquals(there, used);
    String list = Files.readString(SCHEMAS.resolve("README.md"));
    there.forEach(name -> assertTrue(list.contains("](" + name + ".schema.json)"), name));
  }
}
