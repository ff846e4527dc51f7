package dev.nestwalk.bench.cost.experiment;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The judge of E9, with times made up. */
class LineRateTest {
  private final Experiment experiment = new LineRate();

  /** Results of all cells: hits and nested misses take as told, misses of one stage 10 ns. */
  private List<CellResult> results(double hits, double misses, double spread, double singleSpread) {
    List<CellResult> results = new ArrayList<>();
    for (Cell cell : experiment.cells(Experiment.Size.SMALL)) {
      boolean miss = cell.text().contains("random");
      double nanos = !miss ? hits : cell.isNested() ? misses : 10;
      double apart = miss && !cell.isNested() ? singleSpread : spread;
      Map<String, Double> figures =
          Map.of(
              "translate.ns",
              nanos,
              "translate.low.ns",
              nanos * (1 - apart / 2),
              "translate.high.ns",
              nanos * (1 + apart / 2),
              "translate.spread",
              apart);
      Counts counts = Counts.of(Map.of("access", 100L, "iotlb.hit", 100L));
      results.add(new CellResult(cell, counts, Map.of(), figures, Map.of()));
    }
    return results;
  }

  @ParameterizedTest
  @CsvSource({
    "8, 30, 0.10, 0.10, HOLDS, HOLDS",
    "20.6, 60, 0.15, 0.15, HOLDS, HOLDS",
    "20.7, 61, 0.15, 0.15, FAILS, FAILS",
    "90, 600, 0.76, 0.10, UNSURE, UNSURE",
    "1, 1, 0.76, 0.10, UNSURE, UNSURE",
    "8, 30, 0.10, 0.16, HOLDS, UNSURE",
    "8, 30, NaN, 0.10, UNSURE, UNSURE",
    "8, 30, 0.10, NaN, HOLDS, UNSURE"
  })
  void aSpreadAboveFifteenPercentAllowsNoVerdict(
      double hits,
      double misses,
      double spread,
      double singleSpread,
      Verdict.Answer hit,
      Verdict.Answer miss) {
    List<CellResult> results = results(hits, misses, spread, singleSpread);
    List<Verdict> verdicts = experiment.judge(results);
    boolean unsure = hit == Verdict.Answer.UNSURE || miss == Verdict.Answer.UNSURE;
    assertEquals(unsure, experiment.headline(results).contains(" unsure: "));
    assertEquals(6, verdicts.size());
    for (Verdict verdict : verdicts) {
      Verdict.Answer expected =
          verdict.claim().contains("nested hit")
              ? hit
              : verdict.claim().contains("nested miss") ? miss : Verdict.Answer.HOLDS;
      assertEquals(expected, verdict.answer(), verdict::toString);
    }
  }
}
