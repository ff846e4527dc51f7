package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every shipped VT-d row gets the answer it names, its fault record included. */
final class VtdScenarioTest {
  static Stream<Path> scenarios() {
    return Formats.VTD.scenarios();
  }

  @Test
  void everyShippedScenarioIsThere() {
    assertEquals(10 + 81 + 29 + 1, scenarios().count());
    long rows = scenarios().mapToLong(stem -> Scenario.load(stem).rows().size()).sum();
    assertEquals(5390 + 513 + 2 * 548 + 6383 + 1106 + 9, rows);
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void everyRowIsAnsweredAsExpected(Path stem) {
    Scenario scenario = Scenario.load(stem);
    List<ScenarioRow> rows = scenario.rows();
    Machine machine = scenario.machine();
    assertFalse(rows.isEmpty());
    List<String> wrong = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      Translator translator =
          Iommu.vtd(Images.open(scenario, arena), machine.registers(), machine.hostAddressWidth())
              .newUncachedTranslator();
      Reference reference =
          References.vtd(
              Images.open(scenario, arena), machine.registers(), machine.hostAddressWidth());
      for (ScenarioRow row : rows) {
        int access = row.write() ? Access.WRITE : Access.READ;
        long answer = translator.translate(row.sourceId(), row.pasid(), row.iova(), access);
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
