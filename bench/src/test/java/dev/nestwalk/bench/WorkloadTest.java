package dev.nestwalk.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.Translator;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What the benchmarks measure is right: every page of every workload comes out where it should. */
final class WorkloadTest {
  private static final int PAGES = 1024;

  @ParameterizedTest
  @EnumSource(Workload.Mode.class)
  void everyPageIsTranslatedToItsOutput(Workload.Mode mode) {
    try (Arena arena = Arena.ofConfined()) {
      Translator translator = Workload.translator(mode, PAGES, arena);
      for (int page = 0; page < PAGES; page++) {
        long offset = page * 4096L + 16;
        long answer =
            translator.translate(Workload.SOURCE, -1, Workload.INPUT + offset, Access.WRITE);
        assertEquals(
            Translation.describe(Translation.ok(Workload.OUTPUT + offset, 12, 3)),
            Translation.describe(answer),
            "page " + page);
      }
      long outside =
          translator.translate(Workload.SOURCE, -1, Workload.INPUT + PAGES * 4096L, Access.READ);
      assertEquals(true, Translation.isFault(outside));
    }
  }

  @ParameterizedTest
  @EnumSource(DepthTables.class)
  void everyDepthTranslatesAllItsPages(DepthTables tables) {
    try (Arena arena = Arena.ofConfined()) {
      DepthBenchmark.checked(tables, arena);
    }
  }

  @ParameterizedTest
  @CsvSource({"12, 14", "14, 12", "16, 12", "16, 16"})
  void everyGranuleOverEachTranslatesAllItsPages(int guest, int host) {
    try (Arena arena = Arena.ofConfined()) {
      long[] addresses = GranuleBenchmark.of(guest, host, arena).addresses;
      assertTrue(Arrays.stream(addresses).distinct().count() > 16_000);
    }
  }
}
