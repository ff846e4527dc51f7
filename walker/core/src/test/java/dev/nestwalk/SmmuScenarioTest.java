package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.KnownDeviations;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every shipped SMMUv3 row gets the answer it names, its event record included. */
final class SmmuScenarioTest {
  static Stream<Path> scenarios() {
    return Formats.SMMUV3.scenarios();
  }

  @Test
  void everyShippedScenarioIsThere() {
    assertEquals(7 + 79 + 38, scenarios().count());
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void everyRowIsAnsweredAsExpected(Path stem) throws IOException {
    Path root = Path.of(System.getProperty("nestwalk.root"));
    KnownDeviations known =
        new KnownDeviations(Files.readAllLines(root.resolve("docs/known-deviations.csv")));
    Scenario scenario = Scenario.load(stem);
    List<ScenarioRow> rows = scenario.rows();
    assertFalse(rows.isEmpty());
    List<String> wrong = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      Translator translator =
          Iommu.smmuv3(Images.open(scenario, arena), scenario.machine().registers())
              .newUncachedTranslator();
      Reference reference =
          References.smmuv3(Images.open(scenario, arena), scenario.machine().registers());
      for (ScenarioRow row : rows) {
        int access = row.write() ? Access.WRITE : Access.READ;
        long answer = translator.translate(row.sourceId(), row.pasid(), row.iova(), access);
        if (known.has(scenario.rowsFile(), row)) {
          continue;
        }
        note(wrong, "hot", row, answer, translator.lastFault());
        Trace trace = reference.translate(row.sourceId(), row.pasid(), row.iova(), access);
        note(wrong, "reference", row, trace.translation(), trace.fault());
      }
    }
    assertEquals(List.of(), wrong);
  }

  private static void note(
      List<String> wrong, String walker, ScenarioRow row, long answer, FaultRecord fault) {
    String difference = Verdicts.differs(row, answer, fault);
    if (!difference.isEmpty()) {
      wrong.add("%s, line %d: %s".formatted(walker, row.line(), difference));
    }
  }
}
