package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.walk.Kernel;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Addresses of VT-d's first stage are canonical: the fast walk answers those of the upper half
 * itself, too, and leaves what lies between the halves to the full walker.
 */
class UpperHalfTest {
  private static final long OUT = 0x8000_0000L;
  private static final long GUEST = 0x5000_0000L;

  @ParameterizedTest
  @CsvSource({"4, false", "4, true", "5, false", "5, true"})
  void theFastWalkAnswersBothHalves(int levels, boolean nested) {
    long half = 1L << 9 * levels + 11;
    long[] pages = {0x4030_2000L, half - 4096, -half, -0x4030_2000L & -4096L};
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
      VtdMachine machine = new VtdMachine(memory).scalable();
      SecondStageTables second = new SecondStageTables(memory, 4);
      GuestSpace guest = new GuestSpace(memory, second, 0x100_0000_0000L);
      FirstStageTables first = new FirstStageTables(nested ? guest : memory, levels);
      long flags = FirstStageTables.P | FirstStageTables.US | FirstStageTables.A;
      for (int page = 0; page < pages.length; page++) {
        long to = page * 4096L;
        first.map(pages[page], (nested ? GUEST : OUT) + to, 12, flags);
        second.map(GUEST + to, OUT + to, 12, 3);
      }
      PasidEntry entry =
          nested
              ? PasidEntry.nested(first, second).walkSnoop()
              : PasidEntry.firstStage(levels, first.root());
      machine.pasid(1, 5, entry.domain(10));
      Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), VtdLab.HAW);
      CacheOptions none = CacheOptions.NONE;
      for (CacheOptions options : List.of(none, none.withStructures(64, 64, 0))) {
        Endpoint endpoint = iommu.newTranslator(options).endpoint(1, 5);
        endpoint.translate(pages[0], Access.READ);
        Kernel kernel = Objects.requireNonNull(endpoint.kernel);
        for (int page = 0; page < pages.length; page++) {
          long answer = kernel.translate(pages[page] | 8, Access.READ);
          assertEquals(OUT + page * 4096L + 8, Translation.address(answer), "page " + page);
        }
        for (long between : new long[] {half, -half - 4096, 1L << 62}) {
          assertEquals(0, kernel.translate(between, Access.READ));
        }
      }
    }
  }
}
