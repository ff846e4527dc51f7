package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.memory.GappedMemory;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each word that a walk reads is missing once: every way of asking then gives the fault of that
 * access, as the reference walker does.
 */
final class MissingWordsTest {
  private static final LongAdder gaps = new LongAdder();

  @AfterAll
  static void wordsWereMissing() {
    assertTrue(gaps.sum() > 2000, "only " + gaps.sum() + " gaps");
  }

  static Stream<Path> scenarios() {
    return Formats.allScenarios();
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void aMissingWordIsAFaultForEveryWayOfAsking(Path stem) {
    try (Arena arena = Arena.ofConfined()) {
      Scenario scenario = Scenario.load(stem);
      Machine machine = scenario.machine();
      // Flags that are set stay set: nothing here depends on them.
      GappedMemory memory = new GappedMemory(Images.open(scenario, arena).asReadOnly());
      Iommu iommu = Formats.iommu(machine, memory);
      Reference reference = Formats.reference(machine, memory);
      List<Translator> translators = WayOfAsking.translators(iommu);
      Set<Long> seen = new HashSet<>();
      int turn = 0;
      for (ScenarioRow row : scenario.rows()) {
        RowRequest request = new RowRequest(row);
        memory.gap(-1);
        for (Step step : request.ask(reference).steps()) {
          for (int word = 0; word < step.words().length; word++) {
            long at = step.host() + 8L * word;
            if (!seen.add(at)) {
              continue;
            }
            memory.gap(at);
            Trace expected = request.ask(reference);
            WayOfAsking way = WayOfAsking.byTurns(turn++);
            for (Translator translator : translators) {
              iommu.invalidateAll();
              Endpoint endpoint = translator.endpoint(request.source(), request.pasid());
              String difference =
                  way.compare(endpoint, translator, request.iova(), request.access(), expected);
              assertEquals("", difference, () -> "no word at 0x%x, %s".formatted(at, row));
              gaps.increment();
            }
          }
        }
      }
    }
  }
}
