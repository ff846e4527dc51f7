package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/**
 * A right that a page does not grant is refused with the architecture's code, whatever was asked
 * before: every set of rights, every request, after every other request, warm or not.
 */
class DeniedRightsTest {
  private static final long PAGE = 0x4000_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final CacheOptions[] OPTIONS = {
    CacheOptions.DEFAULT,
    CacheOptions.DEFAULT.withCounters(),
    CacheOptions.DEFAULT.withStructures(0, 0, 0),
    CacheOptions.DEFAULT.withStructures(64, 64, 64),
    CacheOptions.NONE
  };

  @Test
  void vtd() {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 32);
      SecondStageTables second = new SecondStageTables(memory, 4);
      for (long rights = 0; rights < 4; rights++) {
        second.map(PAGE + rights * 4096, OUT, 12, rights);
      }
      VtdMachine machine = new VtdMachine(memory).context(1, 0, 2, 5, second.root());
      // LRR 0x6 read, LWR 0x5 write: without either right the write is named first.
      expect(Iommu.vtd(Comparison.over(memory), machine.registers(), 46), 0x06, 0x05);
    }
  }

  @Test
  void smmuv3() {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 32);
      VmsaTables second = new VmsaTables(memory, 12, 0, 48);
      for (long rights = 0; rights < 4; rights++) {
        second.map(PAGE + rights * 4096, OUT, 3, 1L << 10 | rights << 6 | 15L << 2);
      }
      SmmuMachine machine = new SmmuMachine(memory);
      machine.stream(1, new StreamEntry(6).stage2(second, 48));
      expect(Iommu.smmuv3(Comparison.over(memory), machine.registers()), 0x13, 0x13);
    }
  }

  /** Each page with each request, after each other request of the same page. */
  private static void expect(Iommu iommu, int ofRead, int ofWrite) {
    for (CacheOptions options : OPTIONS) {
      for (int rights = 0; rights < 4; rights++) {
        for (int before = 0; before < 4; before++) {
          for (int access = 1; access < 4; access++) {
            Translator translator = iommu.newTranslator(options);
            Endpoint endpoint = translator.endpoint(1, -1);
            long iova = PAGE + rights * 4096L;
            if (before != 0) {
              endpoint.translate(iova, before);
            }
            int missing = access & ~rights;
            int code = (missing & Access.WRITE) != 0 ? ofWrite : ofRead;
            for (int round = 0; round < 2; round++) {
              long answer = endpoint.translate(iova + round * 8L, access);
              long[] batch = {iova, iova + 8, iova + 16};
              int refused = endpoint.translate(batch, batch, 0, 3, access);
              String what = "%d of %d after %d: %s".formatted(access, rights, before, options);
              if (missing == 0) {
                assertEquals(OUT + round * 8L, Translation.address(answer), what);
                assertEquals(0, refused, what);
              } else {
                assertEquals(
                    code, Translation.isFault(answer) ? Translation.code(answer) : 0, what);
                assertEquals(3, refused, what);
              }
            }
          }
        }
      }
    }
  }
}
