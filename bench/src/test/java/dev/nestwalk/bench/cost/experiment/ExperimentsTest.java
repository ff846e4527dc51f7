package dev.nestwalk.bench.cost.experiment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.Experiments;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Runner;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every experiment, small: its cells run, and the answer has the shape that it claims. */
class ExperimentsTest {
  static Stream<String> counted() {
    return Experiments.all().stream()
        .filter(
            experiment -> experiment.cells(Experiment.Size.SMALL).stream().noneMatch(Cell::isTimed))
        .map(Experiment::name);
  }

  static Stream<String> all() {
    return Experiments.all().stream().map(Experiment::name);
  }

  @ParameterizedTest
  @MethodSource("counted")
  void everyExperimentHasTheShapeThatItClaims(String name) {
    Experiment experiment = Experiments.of(name);
    List<Cell> cells = experiment.cells(Experiment.Size.SMALL);
    assertEquals(cells.size(), new HashSet<>(cells).size(), "cells that stand twice");
    List<CellResult> results = new ArrayList<>();
    for (Cell cell : cells) {
      CellResult result = Runner.run(cell);
      assertEquals(0, result.counts().get("fault"), () -> "faults in " + cell);
      results.add(result);
    }
    // Shards hand results in by any order.
    Collections.shuffle(results, new Random(1));
    List<Verdict> verdicts = experiment.judge(results);
    assertFalse(verdicts.isEmpty());
    for (Verdict verdict : verdicts) {
      assertEquals(Verdict.Answer.HOLDS, verdict.answer(), verdict::toString);
    }
    assertTrue(experiment.headline(results).endsWith("."), experiment.headline(results));
    for (Plot plot : experiment.plots(results)) {
      assertFalse(plot.series().isEmpty());
      plot.series().forEach(series -> assertFalse(series.points().isEmpty(), series.name()));
    }
  }

  /** What is timed has figures and verdicts; whether they are good is not for a test to say. */
  @Test
  void theTimedExperimentRunsAndItsCountsHold() {
    Experiment experiment = Experiments.of("E9");
    List<CellResult> results = new ArrayList<>();
    for (Cell cell : experiment.cells(Experiment.Size.SMALL)) {
      CellResult result = Runner.run(cell);
      assertEquals(0, result.counts().get("fault"), () -> "faults in " + cell);
      assertEquals(0.0, result.figures().get("allocated.bytes"), () -> "allocation in " + cell);
      results.add(result);
    }
    for (Verdict verdict : experiment.judge(results)) {
      if (verdict.claim().endsWith("pages hit")) {
        assertEquals(Verdict.Answer.HOLDS, verdict.answer(), verdict::toString);
      }
    }
    assertTrue(experiment.headline(results).contains("ns"));
    assertFalse(experiment.plots(results).isEmpty());
  }

  @ParameterizedTest
  @MethodSource("all")
  void bothSizesHaveNestedCellsBesideSingleStages(String name) {
    for (Experiment.Size size : Experiment.Size.values()) {
      List<Cell> cells = Experiments.of(name).cells(size);
      assertTrue(cells.stream().anyMatch(Cell::isNested));
      assertTrue(cells.stream().anyMatch(cell -> !cell.isNested()));
    }
  }
}
