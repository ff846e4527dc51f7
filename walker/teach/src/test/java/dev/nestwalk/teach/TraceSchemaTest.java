package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.memory.OverlayMemory;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The JSON of every shipped scenario is of the documented form, and ends as its row says. */
class TraceSchemaTest {
  private static final int ROWS = 16;
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

  private static Explanation.Request request(ScenarioRow row) {
    int access = row.write() ? Access.WRITE : Access.READ;
    return new Explanation.Request(row.sourceId(), row.pasid(), row.iova(), access);
  }

  /** Some rows of a scenario, spread over all. */
  private interface Visit {
    void row(Image image, GuestMemory memory, ScenarioRow row);
  }

  private static void visit(Path stem, Visit visit) throws IOException {
    Image image = Image.ofScenario(stem, null);
    int step = Math.max(1, image.rows().size() / ROWS);
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      for (int i = 0; i < image.rows().size(); i += step) {
        visit.row(image, memory, image.rows().get(i));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void everyWalkHasTheFormAndTheResult(Path stem) throws IOException {
    visit(
        stem,
        (image, memory, row) -> {
          Explanation walk = Explanation.of(image, memory, null, request(row));
          String json = TraceWriter.text(walk);
          assertEquals(Set.of(), SCHEMA.validate(json, InputFormat.JSON), row.describe());
          JsonObject answer =
              JsonParser.parseString(json).getAsJsonObject().getAsJsonObject("answer");
          // Rows of the deviations' folders are answers that docs/known-deviations.csv sets right.
          assertTrue(
              stem.toString().contains("-deviations")
                  || row.expected().stream().anyMatch(expected -> isMet(expected, answer)),
              row.describe() + ": " + answer);
          assertEquals(json, TraceWriter.text(TraceReader.read(json)), row.describe());
          assertCachesSkipWhatTheyKnow(walk, row.describe());
          assertStepsLeadToEachOther(walk, row.describe());
        });
  }

  private static void assertCachesSkipWhatTheyKnow(Explanation walk, String of) {
    List<Step> steps = walk.trace().steps();
    List<Integer> all =
        IntStream.range(0, steps.size())
            .filter(i -> !steps.get(i).read().isEmpty())
            .boxed()
            .toList();
    List<CacheView.Run> runs = walk.caches().runs();
    assertEquals(4, runs.size());
    assertEquals(all, runs.get(0).read(), of);
    boolean walked = all.stream().anyMatch(i -> steps.get(i).stage() > 0);
    for (CacheView.Run run : runs.subList(1, 4)) {
      assertTrue(all.containsAll(run.read()), of);
      assertTrue(walk.isRefused() || !walked || run.read().size() < all.size(), of + run);
    }
    CacheView.Run last = runs.get(3);
    assertTrue(!last.hit() || last.read().isEmpty(), of);
    assertTrue(last.hit() || walk.isRefused() || !walked, of + " is kept: " + last);
  }

  /** Where a table walk's step leads is where the next one of its walk reads. */
  private static void assertStepsLeadToEachOther(Explanation walk, String of) {
    Step before = null;
    for (Step step : walk.trace().steps()) {
      if (step.stage() > 0
          && step.selector() != null
          && before != null
          && before.stage() == step.stage()
          && before.selector() != null
          && before.selector().value() == step.selector().value()
          && before.selector().lo() == step.selector().hi() + 1) {
        assertEquals(
            before.next() == null ? -1 : before.next().address() + 8 * step.selector().index(),
            step.address(),
            of);
      }
      before = step.read().isEmpty() ? before : step;
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

  /** What is told of a reserved set is what the translator does with it. */
  @ParameterizedTest
  @MethodSource("scenarios")
  void underAReservedSetTheWalkEndsAsTheTranslatorsDoes(Path stem) throws IOException {
    visit(
        stem,
        (image, memory, row) -> {
          long page = row.iova() & -4096L;
          RegionSet here = set(page, page | 0xfff, RegionKind.DIRECT);
          RegionSet near = set(page ^ 0x1000, (page ^ 0x1000) | 0x7ff, RegionKind.RESERVED);
          RegionSet low = set(0, 0x7fff_ffffL, RegionKind.SW_MSI);
          for (Guard guard :
              List.of(
                  new Guard("test", "here", here, RegionSet.EMPTY),
                  new Guard("test", "near", near, RegionSet.EMPTY),
                  new Guard("test", "between", RegionSet.EMPTY, low),
                  new Guard("test", "both", near, set(page, page, RegionKind.MSI)))) {
            assertEndsAlike(image, memory, row, guard);
          }
        });
  }

  private static RegionSet set(long first, long last, RegionKind kind) {
    return RegionSet.of(List.of(new Region(first, last, kind)));
  }

  private static void assertEndsAlike(
      Image image, GuestMemory memory, ScenarioRow row, Guard guard) {
    Explanation.Request request = request(row);
    Reference reference = Walker.explaining(image, new OverlayMemory(memory));
    Trace trace =
        guard
            .over(
                request,
                () ->
                    reference.translate(row.sourceId(), row.pasid(), row.iova(), request.access()))
            .trace();
    Iommu iommu = Walker.iommu(image, new OverlayMemory(memory));
    iommu.restrict(row.sourceId(), row.pasid(), guard.input(), guard.intermediate());
    Translator translator = iommu.newUncachedTranslator();
    long answer = translator.translate(row.sourceId(), row.pasid(), row.iova(), request.access());
    String of = guard.policy() + ": " + row.describe();
    assertEquals(Translation.describe(answer), Translation.describe(trace.translation()), of);
    if (Translation.isFault(answer)) {
      assertEquals(translator.lastFault().intermediate(), trace.fault().intermediate(), of);
      assertEquals(translator.lastFault().isRecorded(), trace.fault().isRecorded(), of);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"teaching/vtd-nested", "captures/smmuv3/nested-vm-4k"})
  void aReservedSetIsPartOfTheForm(String stem) throws IOException {
    visit(
        Scenarios.fixtures().resolve(stem),
        (image, memory, row) -> {
          Guards guards = Guards.usual(image.isVtd());
          Guard guard = guards.guard(Policy.POSTED_V2, image.isVtd(), row.pasid(), true);
          String json = TraceWriter.text(Explanation.of(image, memory, guard, request(row)));
          assertTrue(json.contains("\"policy\": \"POSTED_V2\""), json);
          assertEquals(Set.of(), SCHEMA.validate(json, InputFormat.JSON), row.describe());
          assertEquals(json, TraceWriter.text(TraceReader.read(json)), row.describe());
        });
  }

  @Test
  void theSchemaRefusesAnotherForm() {
    assertFalse(SCHEMA.validate("{\"trace\": 1}", InputFormat.JSON).isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{",
        "{}",
        "{\"trace\": 1}",
        "{\"trace\": 2, \"pasid\": {}}",
        "{\"trace\": 2, \"pasid\": \"\", \"source_id\": \"zz\"}",
        "{\"trace\": 2, \"pasid\": \"\", \"source_id\": \"0x100000000\"}",
        "{\"trace\": 2, \"pasid\": \"0x100000\", \"source_id\": \"0x1\"}",
        "{\"trace\": 2, \"pasid\": \"0x100000005\", \"source_id\": \"0x1\"}",
        "{\"trace\": 2, \"pasid\": \"\", \"source_id\": \"0x1\", \"iova\": \"0x0\", \"access\":"
            + " \"r\", \"steps\": [3]}",
      })
  void whatIsNoTraceIsRefusedInOneLine(String text) {
    var e = assertThrows(IllegalArgumentException.class, () -> TraceReader.read(text));
    assertEquals(1, String.valueOf(e.getMessage()).lines().count());
    assertTrue(String.valueOf(e.getMessage()).contains("expected"), e.getMessage());
  }

  /** Whatever is taken out of a saved walk or put in its place, it is read or refused. */
  @ParameterizedTest
  @CsvSource({"teaching/vtd-nested, 0xfee00000, true", "captures/vtd/linux72-legacy-48, 0, false"})
  void aDamagedTraceIsReadOrRefusedInOneLine(String stem, String iova, boolean guarded)
      throws IOException {
    Image image = Image.ofScenario(Scenarios.fixtures().resolve(stem), null);
    String good;
    try (Arena arena = Arena.ofConfined()) {
      Guard guard = guarded ? Guards.usual(true).guard(Policy.POSTED_V2, true, -1, true) : null;
      long address = Long.decode(iova);
      var request = new Explanation.Request(0x10, -1, address, Access.WRITE);
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      good = TraceWriter.text(Explanation.of(image, memory, guard, request));
    }
    int refused = 0;
    int count = objects(JsonParser.parseString(good)).size();
    for (int place = 0; place < count; place++) {
      int keys = objects(JsonParser.parseString(good)).get(place).size();
      for (int key = 0; key < keys; key++) {
        for (String put : new String[] {"", "null", "{}", "[]", "\"0x1ff\"", "\"\"", "-1"}) {
          JsonElement json = JsonParser.parseString(good);
          JsonObject object = objects(json).get(place);
          String name = List.copyOf(object.keySet()).get(key);
          object.remove(name);
          if (!put.isEmpty()) {
            object.add(name, JsonParser.parseString(put));
          }
          refused += isRefused(json.toString(), name + " = " + put) ? 1 : 0;
        }
      }
    }
    assertTrue(refused > count, refused + " refused");
  }

  private static boolean isRefused(String text, String what) {
    try {
      assertFalse(TraceWriter.text(TraceReader.read(text)).isEmpty());
      return false;
    } catch (IllegalArgumentException e) {
      assertEquals(1, String.valueOf(e.getMessage()).lines().count(), what);
      return true;
    }
  }

  private static List<JsonObject> objects(JsonElement json) {
    List<JsonObject> all = new ArrayList<>();
    if (json.isJsonObject()) {
      all.add(json.getAsJsonObject());
      json.getAsJsonObject().asMap().values().forEach(value -> all.addAll(objects(value)));
    } else if (json.isJsonArray()) {
      json.getAsJsonArray().forEach(value -> all.addAll(objects(value)));
    }
    return all;
  }
}
