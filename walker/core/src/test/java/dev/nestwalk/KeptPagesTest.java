package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the IOTLB keeps answers, also the first request after an invalidation of something else and
 * a batch whose first address misses. Tables are changed without telling, so that a walk shows.
 */
class KeptPagesTest {
  private static final long PAGE = 0x4040_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final long ELSEWHERE = 0x9000_0000L;
  private static final long RIGHTS = 1L << 10 | 1L << 6 | 1L << 11;
  private static final int PAGES = 8;

  private final Arena arena = Arena.ofAuto();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final VmsaTables tables = new VmsaTables(memory, 12, 0, 48);
  private final Iommu iommu;

  KeptPagesTest() {
    SmmuMachine machine = new SmmuMachine(memory);
    map(OUT);
    long context = memory.allocate();
    machine.context(context, new ContextEntry(48).lower(tables).set(48));
    machine.stream(1, new StreamEntry(5).stage1(context, 0, 0, 0));
    iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }

  private void map(long output) {
    for (int page = 0; page < PAGES; page++) {
      tables.map(PAGE + page * 4096L, output + page * 4096L, 3, RIGHTS);
    }
  }

  private Endpoint endpoint(int structures) {
    CacheOptions options = CacheOptions.DEFAULT.withStructures(structures, structures, 0);
    return iommu.newTranslator(options).endpoint(1, -1);
  }

  /** CMD_TLBI_NH_ASID of another ASID: every translator has something to apply. */
  private void invalidateAnother() {
    iommu.smmuInvalidations().submit(9L << 48 | 0x11, 0);
  }

  private static long[] pages(int first, int count) {
    long[] iovas = new long[count];
    Arrays.setAll(iovas, i -> PAGE + (first + i) * 4096L);
    return iovas;
  }

  private static long[] outputs(Endpoint endpoint, long[] iovas) {
    long[] answers = new long[iovas.length];
    endpoint.translate(iovas, answers, 0, iovas.length, Access.READ);
    return Arrays.stream(answers).map(Translation::address).toArray();
  }

  private static long[] shifted(long[] iovas, long base) {
    return Arrays.stream(iovas).map(iova -> iova - PAGE + base).toArray();
  }

  @ParameterizedTest(name = "{0} entries of structure caches")
  @ValueSource(ints = {1024, 0})
  void theFirstRequestAfterAnotherOnesInvalidationHits(int structures) {
    Endpoint endpoint = endpoint(structures);
    endpoint.translate(PAGE, Access.READ);
    map(ELSEWHERE);
    invalidateAnother();
    assertEquals(OUT, Translation.address(endpoint.translate(PAGE, Access.READ)));
  }

  @ParameterizedTest(name = "{0} entries of structure caches")
  @ValueSource(ints = {1024, 0})
  void aBatchAfterAnotherOnesInvalidationHits(int structures) {
    Endpoint endpoint = endpoint(structures);
    long[] iovas = pages(0, PAGES);
    outputs(endpoint, iovas);
    map(ELSEWHERE);
    invalidateAnother();
    assertArrayEquals(shifted(iovas, OUT), outputs(endpoint, iovas));
  }

  @ParameterizedTest(name = "{0} entries of structure caches")
  @ValueSource(ints = {1024, 0})
  void aBatchWhoseFirstAddressMissesHitsWithTheOthers(int structures) {
    Endpoint endpoint = endpoint(structures);
    outputs(endpoint, pages(1, PAGES - 1));
    map(ELSEWHERE);
    long[] expected = shifted(pages(0, PAGES), OUT);
    expected[0] = ELSEWHERE;
    assertArrayEquals(expected, outputs(endpoint, pages(0, PAGES)));
  }
}
