package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.ElfCore;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.Opening;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The code of docs/measure.md: a machine's own memory and addresses as workload. */
class MeasureGuideTest {
  private static CacheCounters counted(
      Path image, Map<String, Long> registers, int streamId, long[] trace, Arena arena)
      throws ImageException {
    // begin own-image
    GuestMemory memory = ElfCore.open(image, List.of(), Opening.READ_ONLY, arena);
    Iommu iommu = Iommu.smmuv3(memory, registers);
    Translator translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint device = translator.endpoint(streamId, -1);
    for (long iova : trace) {
      device.translate(iova, Access.READ);
    }
    CacheCounters counters = translator.counters();
    System.out.println(counters);
    // end own-image
    return counters;
  }

  @Test
  void anImageAndATraceGiveHitsAndReferences() throws ImageException {
    Scenario scenario = Scenario.load(Scenarios.fixtures().resolve("captures/smmuv3/nested-vm-4k"));
    long[] trace =
        scenario.rows().stream()
            .filter(row -> row.sourceId() == 8)
            .mapToLong(ScenarioRow::iova)
            .toArray();
    try (Arena arena = Arena.ofConfined()) {
      CacheCounters counters =
          counted(scenario.image(), scenario.machine().registers(), 8, trace, arena);
      assertEquals(trace.length, counters.hits() + counters.misses());
      assertTrue(counters.hits() > 0 && counters.references() > counters.misses());
    }
  }
}
