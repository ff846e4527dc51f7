package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.GuestMemory;
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
    Path fixtures = Scenarios.fixtures();
    return Stream.of("captures/vtd", "vectors/vtd", "vectors/vtd-deviations")
        .flatMap(folder -> Scenarios.under(fixtures.resolve(folder)).stream());
  }

  @Test
  void everyShippedScenarioIsThere() {
    assertEquals(7 + 81 + 29, scenarios().count());
    long rows = scenarios().mapToLong(stem -> Scenario.load(stem).rows().size()).sum();
    assertEquals(5305 + 6383 + 1106, rows);
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void everyRowIsAnsweredAsExpected(Path stem) {
    Scenario scenario = Scenario.load(stem);
    List<ScenarioRow> rows = scenario.rows();
    assertFalse(rows.isEmpty());
    List<String> wrong = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = Images.open(scenario, arena);
      Translator translator =
          Iommu.vtd(memory, scenario.machine().registers(), scenario.machine().hostAddressWidth())
              .newTranslator();
      for (ScenarioRow row : rows) {
        int access = row.write() ? Access.WRITE : Access.READ;
        long answer = translator.translate(row.sourceId(), row.pasid(), row.iova(), access);
        String difference = Verdicts.differs(row, answer, translator.lastFault());
        if (!difference.isEmpty()) {
          wrong.add("line " + row.line() + ": " + difference);
        }
      }
    }
    assertEquals(List.of(), wrong);
  }
}
