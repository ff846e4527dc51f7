package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.teach.CacheView;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code explain} tells beside the steps: caches, reserved sets, other walks. */
class ExplainTest {
  private static final Path FIXTURES = Scenarios.fixtures();
  private static final String NESTED = FIXTURES.resolve("teaching/vtd-nested").toString();
  private static final String SMMU = FIXTURES.resolve("captures/smmuv3/nested-vm-4k").toString();

  @TempDir private Path folder = Path.of("");

  private static Result run(String... arguments) {
    return Result.of((Object[]) arguments);
  }

  private static Result explain(String image, String source, String iova, String... more) {
    String[] first = {"explain", image, "--source", source, "--iova", iova};
    return run(Stream.concat(Stream.of(first), Stream.of(more)).toArray(String[]::new));
  }

  @Test
  void theTwentyFourReadsShrinkWithWhatIsCached() {
    String text = explain(NESTED, "00:02.0", "0x40001008").out();
    assertTrue(text.contains("28 reads where nothing is cached"), text);
    assertTrue(text.contains("2 reads where configuration and partial walks are cached"), text);
    assertTrue(text.contains("1 read where whole second-stage walks too"), text);
    assertTrue(text.contains("0 reads where the IOTLB has the translation"), text);
    assertTrue(text.contains("index 0x2: bits 47:39 of GPA 0x10000000000"), text);
    assertTrue(text.contains("so far rwx user"), text);
    assertTrue(text.contains("-> second-stage table of level 3 at HPA 0x103000"), text);
  }

  @Test
  void aPolicyDecidesWhichIntermediateAddressIsRefused() {
    String regions = FIXTURES.resolve("regions/smmuv3-nested.json").toString();
    Result free = explain(SMMU, "8", "0x8000000", "--regions", regions);
    assertEquals(0, free.status(), free.out());
    assertTrue(free.out().contains("not a reserved bus address"), free.out());
    Result kept = explain(SMMU, "8", "0x8000000", "--regions", regions, "--policy", "posted-v2");
    assertTrue(kept.out().contains("0x8000000-0x80fffff is reserved: sw-msi"), kept.out());
    assertTrue(kept.out().contains("fault 0x114 RESERVED_SW_MSI"), kept.out());
    assertEquals(1, kept.status());
  }

  @Test
  void anInterruptWindowIsRefusedBeforeAnyTable() {
    String dmar = FIXTURES.resolve("captures/vtd/linux72-legacy-48.dmar.bin").toString();
    Result result = explain(NESTED, "00:02.0", "0xfee00000", "--regions", dmar);
    assertTrue(result.out().contains("reserved: msi; no table is read"), result.out());
    assertFalse(result.out().contains("root entry"), result.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--also zz --format html | expected ADDRESS",
        "--also 1,2,3,x --format html | expected ADDRESS",
        "--also 00:99.0,0 --format html | expected a requester id",
        "--also 10/fffffff,0 --format html | at most 20 bits",
        "--also nowhere,10,0 --format html | no such image",
        "--also nowhere.json --format html | nowhere.json: cannot be read",
        "--also 12345678,0 --format html | expected 16 bits",
        "--also 0 | expected --format html",
        "--policy posted-v2 | --policy needs --regions",
        "--device nic | --device needs --regions",
        "--regions nowhere | nowhere: cannot be read",
        "--regions FIXTURES/regions/vtd-nested.json --policy none | expected one of",
        "--regions FIXTURES/regions/vtd-nested.json --device gpu | device 'gpu' is not bound",
        "--regions FIXTURES/teaching/vtd-nested.csv | line 1: expected 0xFIRST",
        "--regions FIXTURES/captures/vtd/linux72-legacy-48.dmar.bin --device x | expected a setup",
      })
  void badArgumentsGetOneLine(String arguments, String expected) {
    String[] given = arguments.strip().replace("FIXTURES", FIXTURES.toString()).split(" ");
    Result result = explain(NESTED, "00:02.0", "0", given);
    assertEquals(2, result.status(), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().contains(expected.strip()), result.err());
  }

  @Test
  void aSavedWalkThatIsNoneGetsOneLineWithItsFile() throws IOException {
    Path file = folder.resolve("walk.json");
    String good = explain(NESTED, "00:02.0", "0", "--format", "json").out();
    Files.writeString(file, good.replace("\"level\": 4", "\"level\": {}"));
    Result result = explain(NESTED, "00:02.0", "0", "--format", "html", "--also", file.toString());
    assertEquals(2, result.status());
    assertTrue(result.err().contains("walk.json: steps["), result.err());
    assertTrue(result.err().contains("level: expected text"), result.err());
  }

  @Test
  void readsAreMatchedToTheLastStepsTheyFit() {
    List<Step> steps = List.of(step(0x1000, 8), step(0x2000, 1), step(0x1000, 8), step(0x2000, 1));
    assertEquals(List.of(3), CacheView.matched(steps, List.of(0x2000L)));
    assertEquals(List.of(2, 3), CacheView.matched(steps, List.of(0x1000L, 0x1038L, 0x2000L)));
    assertEquals(List.of(1, 2), CacheView.matched(steps, List.of(0x2000L, 0x1010L)));
    assertEquals(List.of(), CacheView.matched(steps, List.of(0x3000L)));
  }

  private static Step step(long address, int words) {
    List<Long> read = Stream.generate(() -> 0L).limit(words).toList();
    return new Step(
        "entry", 0, 0, "", null, "HPA", address, address, read, List.of(), "", "", "", null);
  }
}
