package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a guest's command names, a device's thread is done with it at once. */
class BoundedInvalidationTest {
  private static final int AMOUNT = 64;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);

  @AfterEach
  void close() {
    arena.close();
  }

  @ParameterizedTest(name = "{0} entries, {1} ways")
  @CsvSource({"2, 1", "2, 2", "64, 1", "64, 2", "64, 4", "4096, 1", "4096, 4", "4096, 16"})
  @Timeout(value = 20, unit = TimeUnit.SECONDS)
  void vtdPagesOfAnyAddressMaskEnd(int entries, int ways) {
    SecondStageTables second = new SecondStageTables(memory, 4);
    second.map(0x4000_0000L, 0x8000_0000L, 12, 3);
    second.map(0x4020_0000L, 0x8020_0000L, 21, 3);
    VtdMachine machine = new VtdMachine(memory);
    machine.context(1, 0, 2, 5, second.root());
    Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
    Translator translator =
        iommu.newTranslator(CacheOptions.DEFAULT.withIotlb(entries, ways).withCounters());
    for (int mask = 0; mask < AMOUNT; mask++) {
      translator.translate(1, -1, 0x4000_0000L, Access.READ);
      translator.translate(1, -1, 0x4020_0000L, Access.READ);
      iommu.vtdInvalidations().iotlbPages(5, 0x4000_0000L, mask, true);
      long misses = translator.counters().misses();
      long answer = translator.translate(1, -1, 0x4000_0000L, Access.READ);
      assertEquals(0x8000_0000L, Translation.address(answer));
      assertTrue(translator.counters().misses() > misses, "dropped with AM " + mask);
    }
  }

  @ParameterizedTest(name = "{0} entries, {1} ways")
  @CsvSource({"2, 1", "2, 2", "64, 1", "64, 4", "4096, 1", "4096, 16"})
  @Timeout(value = 20, unit = TimeUnit.SECONDS)
  void smmuRangesOfAnyScaleEnd(int entries, int ways) {
    SmmuLab lab = new SmmuLab(arena).register("IDR3", 0, 1L << 10);
    Iommu iommu = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
    Translator translator =
        iommu.newTranslator(CacheOptions.DEFAULT.withIotlb(entries, ways).withCounters());
    int[][] opcodesAndStreams = {
      {0x12, SmmuLab.FIRST}, {0x13, SmmuLab.FIRST}, {0x2a, SmmuLab.SECOND}, {0x2a, SmmuLab.NESTED}
    };
    for (int[] pair : opcodesAndStreams) {
      for (long scale = 0; scale < AMOUNT; scale++) {
        for (long granule = 1; granule <= 3; granule++) {
          translator.translate(pair[1], -1, SmmuLab.ADDRESS, Access.READ);
          long low = pair[0] | 31L << 12 | scale << 20;
          // The range begins below the page, at a multiple of every granule.
          int result = iommu.smmuInvalidations().submit(low, 0x4030_0000L | granule << 10);
          assertEquals(0, result, "opcode %x, scale %d".formatted(pair[0], scale));
          long answer = translator.translate(pair[1], -1, SmmuLab.ADDRESS, Access.READ);
          assertEquals(SmmuLab.PAGE, Translation.address(answer));
        }
      }
    }
    assertTrue(translator.counters().misses() > AMOUNT, "ranges were dropped");
  }
}
