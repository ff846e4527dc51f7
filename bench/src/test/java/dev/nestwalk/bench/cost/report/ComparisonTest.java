package dev.nestwalk.bench.cost.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.fixtures.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Documents, and two of them side by side. */
class ComparisonTest {
  @TempDir private Path folder = Path.of("");

  private static RunDocument document(CellResult... results) {
    return new RunDocument(Map.of("commit", "abc"), List.of(), List.of(results));
  }

  private static CellResult counted(int tenants, long references) {
    return CellResult.counted(
        Cell.standard().with(Axis.TENANTS, tenants),
        Counts.of(Map.of("ref", references, "request", 10L)));
  }

  private static CellResult timed(int middle, int apart) {
    Histogram histogram = new Histogram(3);
    for (int i = -50; i <= 50; i++) {
      histogram.recordValue(middle + (long) apart * i / 50);
    }
    return new CellResult(
        Cell.standard().with(Axis.ENGINE, "timed"),
        Counts.NONE,
        Map.of("latency.ns", histogram),
        Map.of(),
        Map.of());
  }

  private static Comparison.Verdict verdict(CellResult one, CellResult other) {
    return Comparison.of(document(one), document(other)).lines().get(0).verdict();
  }

  @Test
  void anyDifferenceOfCountsIsOne() {
    Comparison comparison =
        Comparison.of(
            document(counted(1, 24), counted(2, 24), counted(4, 9)),
            document(counted(1, 24), counted(2, 25), counted(8, 9)));
    assertEquals(1, comparison.equal());
    assertEquals(1, comparison.lines().size());
    assertEquals(Comparison.Verdict.DIFFERS, comparison.lines().get(0).verdict());
    assertEquals(25 / 24.0, comparison.lines().get(0).ratio());
    assertEquals(1, comparison.onlyFirst().size());
    assertEquals("8", comparison.onlySecond().get(0).get(Axis.TENANTS));
    assertFalse(comparison.isNoWorse());
  }

  @Test
  void timesFurtherApartThanTheirSpreadHaveAVerdict() {
    assertEquals(Comparison.Verdict.SAME, verdict(timed(1000, 20), timed(1010, 20)));
    assertEquals(Comparison.Verdict.HIGHER, verdict(timed(1000, 20), timed(1200, 20)));
    assertEquals(Comparison.Verdict.LOWER, verdict(timed(1200, 20), timed(1000, 20)));
    assertEquals(Comparison.Verdict.UNSURE, verdict(timed(1000, 600), timed(1200, 600)));
    assertEquals(Comparison.Verdict.UNSURE, verdict(timed(1000, 600), timed(1000, 600)));
    assertEquals(Comparison.Verdict.UNSURE, verdict(timed(1000, 20), timed(1200, 600)));
    assertEquals(Comparison.Verdict.UNSURE, verdict(timed(1000, 600), timed(1200, 20)));
    assertEquals(
        Comparison.Verdict.UNSURE, Comparison.verdict(Double.NaN, 1, 0), "nothing measured");
  }

  private static CellResult rounds(double nanos, double spread) {
    return new CellResult(
        Cell.standard().with(Axis.ENGINE, "timed"),
        Counts.NONE,
        Map.of(),
        Map.of("translate.ns", nanos, "translate.spread", spread, "throughput.mops", 1e3 / nanos),
        Map.of());
  }

  @Test
  void figuresAreComparedWhereTheirRoundsHaveASpread() {
    Comparison comparison = Comparison.of(document(rounds(100, 0.02)), document(rounds(120, 0.03)));
    assertEquals(1, comparison.lines().size(), "a throughput is the same figure once more");
    assertEquals("translate.ns", comparison.lines().get(0).name());
    assertEquals(Comparison.Verdict.HIGHER, comparison.lines().get(0).verdict());
    assertEquals(Comparison.Verdict.UNSURE, verdict(rounds(100, 0.5), rounds(120, 0.03)));
    assertEquals(Comparison.Verdict.UNSURE, verdict(rounds(100, 0.03), rounds(120, 0.5)));
  }

  /** Whatever one of both lacks, or both: a comparison that skips a time would pass anything. */
  @Test
  void aTimeThatIsMissingIsALineOfItsOwn() {
    CellResult whole = timed(1000, 20);
    Histogram none = new Histogram(3);
    CellResult empty =
        new CellResult(whole.cell(), Counts.NONE, Map.of("latency.ns", none), Map.of(), Map.of());
    CellResult nothing = new CellResult(whole.cell(), Counts.NONE, Map.of(), Map.of(), Map.of());
    CellResult spreadless =
        new CellResult(
            whole.cell(), Counts.NONE, Map.of(), Map.of("translate.ns", 100.0), Map.of());
    List<List<CellResult>> pairs =
        List.of(
            List.of(whole, empty),
            List.of(whole, nothing),
            List.of(empty, empty),
            List.of(nothing, nothing),
            List.of(rounds(100, 0.02), nothing),
            List.of(rounds(100, 0.02), spreadless),
            List.of(spreadless, spreadless));
    for (List<CellResult> pair : pairs) {
      for (List<CellResult> sides : List.of(pair, List.of(pair.get(1), pair.get(0)))) {
        Comparison comparison = Comparison.of(document(sides.get(0)), document(sides.get(1)));
        assertEquals(1, comparison.lines().size(), comparison::toString);
        Comparison.Line line = comparison.lines().get(0);
        assertEquals(Comparison.Verdict.MISSING, line.verdict(), line::toString);
        assertTrue(Double.isNaN(line.ratio()), line::toString);
        assertFalse(comparison.isNoWorse());
      }
    }
    // A time beside that is the same changes nothing.
    CellResult both =
        new CellResult(
            whole.cell(), Counts.NONE, whole.histograms(), rounds(100, 0.02).figures(), Map.of());
    Comparison comparison = Comparison.of(document(both), document(whole));
    assertEquals(2, comparison.lines().size());
    assertFalse(comparison.isNoWorse());
    assertTrue(Comparison.of(document(both), document(both)).isNoWorse());
  }

  @Test
  void aDocumentIsReadAsItWasWritten() {
    RunDocument before = document(counted(2, Long.MAX_VALUE / 16), counted(1, 24), timed(700, 9));
    Path file = folder.resolve("run.json");
    WholeFile.write(file, before.json(), List.of());
    RunDocument after = RunDocument.read(file);
    assertEquals(before.json(), after.json());
    assertEquals(before.countedDigest(), after.countedDigest());
    assertNotEquals(
        before.countedDigest(), document(counted(2, 5), counted(1, 24)).countedDigest());
    // What was timed has no part in it.
    assertEquals(
        document(counted(1, 24)).countedDigest(),
        document(counted(1, 24), timed(1, 1)).countedDigest());
  }

  @Test
  void whatIsNoDocumentIsToldInALine() throws IOException {
    Path file = folder.resolve("run.json");
    List<String> texts =
        new ArrayList<>(
            List.of("", "{", "[]", "{}", "{\"kind\":7}", "{\"kind\":\"nestwalk-cost\"}"));
    String whole = document(counted(1, 24)).json();
    texts.add(whole.replace("\"results\"", "\"result\""));
    texts.add(whole.replace("\"ref\": 24", "\"ref\": \"x\""));
    texts.add(whole.replace("\"vtd\"", "\"amd\""));
    texts.add(whole.replace("\"abc\"", "{}"));
    texts.add(whole.replace("\"experiments\": []", "\"experiments\": [{}]"));
    texts.add("[".repeat(100_000));
    for (String text : texts) {
      Files.writeString(file, text);
      String message =
          String.valueOf(
              assertThrows(CostException.class, () -> RunDocument.read(file), text).getMessage());
      assertTrue(message.startsWith(file.toString()) && !message.contains("\n"), message);
    }
    Random random = new Random(3);
    for (int i = 0; i < 500; i++) {
      byte[] bytes = whole.getBytes(java.nio.charset.StandardCharsets.UTF_8);
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(128);
      Files.write(file, bytes);
      try {
        assertTrue(RunDocument.read(file).results().size() <= 1);
      } catch (CostException e) {
        assertTrue(String.valueOf(e.getMessage()).startsWith(file.toString()));
      }
    }
  }

  @Test
  void theCostOfNestingPairsCellsThatDifferInStagesAlone() {
    Cell nested = Cell.standard().with(Axis.WORKLOAD, "nic:1500");
    CellResult both = CellResult.counted(nested, Counts.of(Map.of("ref", 240L, "request", 10L)));
    CellResult one =
        CellResult.counted(
            nested.with(Axis.STAGES, "2"), Counts.of(Map.of("ref", 40L, "request", 10L)));
    CellResult other =
        CellResult.counted(
            nested.with(Axis.STAGES, "1").with(Axis.TENANTS, 2),
            Counts.of(Map.of("ref", 1L, "request", 10L)));
    List<NestingCost> costs = NestingCost.of(List.of(both, one, other));
    assertEquals(List.of(new NestingCost("nic", 1, 24, 4, 6, 6, 6)), costs);
    assertEquals(List.of(), NestingCost.of(List.of(both, other)));
  }

  private static CellResult nic(int tenants, String stages, long references) {
    Cell cell = Cell.standard().with(Axis.WORKLOAD, "nic:1500").with(Axis.TENANTS, tenants);
    return CellResult.counted(
        stages.isEmpty() ? cell : cell.with(Axis.STAGES, stages),
        Counts.of(Map.of("ref", references, "request", 10L)));
  }

  /** Means of both sides, and least, middle and most of the ratios; of two the higher is middle. */
  @Test
  void theCostOfNestingIsToldOfAllPairs() {
    List<CellResult> results = new ArrayList<>();
    results.addAll(List.of(nic(1, "", 240), nic(1, "2", 40), nic(2, "", 80), nic(2, "2", 40)));
    assertEquals(
        List.of(new NestingCost("nic", 2, 16, 4, 2, 6, 6)), NestingCost.of(results), "two");
    results.addAll(List.of(nic(4, "", 120), nic(4, "2", 40)));
    NestingCost three = NestingCost.of(results).get(0);
    assertEquals(3, three.pairs());
    assertEquals(44 / 3.0, three.nested(), 1e-9);
    assertEquals(4, three.single(), 1e-9);
    assertEquals(List.of(2.0, 3.0, 6.0), List.of(three.least(), three.median(), three.most()));
  }

  /** The host's stage alone is the other side; where that reads nothing, the guest's. */
  @Test
  void theOtherSideOfNestingIsTheHostsStageIfItReadsAnything() {
    assertEquals(
        List.of(new NestingCost("nic", 1, 24, 4, 6, 6, 6)),
        NestingCost.of(List.of(nic(1, "", 240), nic(1, "1", 20), nic(1, "2", 40))));
    assertEquals(
        List.of(new NestingCost("nic", 1, 24, 2, 12, 12, 12)),
        NestingCost.of(List.of(nic(1, "", 240), nic(1, "1", 20), nic(1, "2", 0))));
  }
}
