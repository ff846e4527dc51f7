package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.lang.foreign.Arena;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * SMMUv3 blocks of sizes that the IOTLB holds in pieces (32 MiB, 512 MiB), kept by a batch: an
 * invalidation of any of their addresses drops every piece, with and without page-walk caches.
 */
class LargePagesInBatchTest {
  private static final long BLOCK = 0x4000_0000L;
  private static final long MOVED = 0x8000_0000L;
  private static final long FIRST = 1L << 10 | 1L << 6 | 1L << 11;
  private static final long SECOND = 1L << 10 | 3L << 6 | 15L << 2;

  @ParameterizedTest(name = "granule {0}, stage {1}, page-walk caches {2}")
  @CsvSource({
    "14, 1, 0",
    "14, 2, 0",
    "16, 1, 0",
    "16, 2, 0",
    "14, 1, 64",
    "14, 2, 64",
    "16, 1, 64",
    "16, 2, 64"
  })
  void anInvalidationOfAnyAddressDropsEveryPiece(int granule, int stage, int structures) {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
      VmsaTables tables = new VmsaTables(memory, granule, 2, granule == 14 ? 36 : 42);
      tables.map(BLOCK, BLOCK, 2, stage == 1 ? FIRST : SECOND);
      SmmuMachine machine = new SmmuMachine(memory);
      long contexts = memory.allocate();
      machine.context(contexts, new ContextEntry(48).lower(tables));
      machine.stream(
          1,
          stage == 1
              ? new StreamEntry(5).stage1(contexts, 0, 0, 0)
              : new StreamEntry(6).stage2(tables, 48));
      Iommu iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
      CacheOptions options = CacheOptions.DEFAULT.withStructures(structures, structures, 0);
      Endpoint endpoint = iommu.newTranslator(options).endpoint(1, -1);
      long[] iovas = new long[16];
      for (int i = 0; i < iovas.length; i++) {
        iovas[i] = BLOCK + i * 0x1f_1000L;
      }
      long[] answers = new long[iovas.length];
      for (int round = 0; round < 3; round++) {
        endpoint.translate(iovas, answers, 0, iovas.length, Access.READ);
        assertEquals(iovas[5], Translation.address(answers[5]));
      }
      long at = tables.descriptorAddress(BLOCK, 2);
      memory.put(at, memory.get(at) + (MOVED - BLOCK));
      long named = BLOCK + 0x1ff_0000;
      if (stage == 1) {
        iommu.smmuInvalidations().stage1Range(0, 0, named, named + 4095, true);
      } else {
        iommu.smmuInvalidations().stage2Range(0, named, named + 4095, true);
      }
      for (long iova : iovas) {
        long answer = endpoint.translate(iova, Access.READ);
        assertEquals(iova - BLOCK + MOVED, Translation.address(answer));
      }
    }
  }
}
