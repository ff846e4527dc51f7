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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One stream with stage 1, ASID 1: page 0 is global, page 1 is not. A global page goes with an
 * invalidation of its address for any ASID, also where a batch kept it together with others.
 */
class GlobalPagesInBatchTest {
  private static final long PAGE = 0x4040_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final long ELSEWHERE = 0x9000_0000L;
  private static final long NOT_GLOBAL = 1L << 11;
  private static final long RIGHTS = 1L << 10 | 1L << 6;

  @ParameterizedTest(name = "{0} entries of structure caches, global page at {1}")
  @CsvSource({"1024, 0", "1024, 1", "0, 0", "0, 1"})
  void anInvalidationOfAnotherAsidDropsTheGlobalPage(int structures, int global) {
    try (Arena arena = Arena.ofConfined()) {
      Machine machine = new Machine(arena, global);
      CacheOptions options = CacheOptions.DEFAULT.withStructures(structures, structures, 0);
      Endpoint endpoint = machine.iommu.newTranslator(options).endpoint(1, -1);
      // Makes the last table known, so that the batch takes the short way.
      endpoint.translate(PAGE + 2 * 4096, Access.READ);
      long[] answers = new long[2];
      endpoint.translate(new long[] {PAGE, PAGE + 4096}, answers, 0, 2, Access.READ);
      assertEquals(OUT + global * 4096L, Translation.address(answers[global]));

      long page = PAGE + global * 4096L;
      machine.first.map(page, ELSEWHERE, 3, RIGHTS);
      machine.iommu.smmuInvalidations().submit(9L << 48 | 0x12, page | 1);
      assertEquals(ELSEWHERE, Translation.address(endpoint.translate(page, Access.READ)));
    }
  }

  @Test
  void thePagesOfOneAsidStayWithAnotherAsidsInvalidation() {
    try (Arena arena = Arena.ofConfined()) {
      Machine machine = new Machine(arena, -1);
      Translator translator = machine.iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
      Endpoint endpoint = translator.endpoint(1, -1);
      endpoint.translate(PAGE, Access.READ);
      machine.iommu.smmuInvalidations().submit(9L << 48 | 0x12, PAGE | 1);
      endpoint.translate(PAGE, Access.READ);
      assertEquals(1, translator.counters().misses());
    }
  }

  /** Tables of four pages, of which one may be global. */
  private static final class Machine {
    private final VmsaTables first;
    private final Iommu iommu;

    Machine(Arena arena, int global) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
      SmmuMachine machine = new SmmuMachine(memory);
      first = new VmsaTables(memory, 12, 0, 48);
      for (int page = 0; page < 4; page++) {
        long flags = page == global ? RIGHTS : RIGHTS | NOT_GLOBAL;
        first.map(PAGE + page * 4096L, OUT + page * 4096L, 3, flags);
      }
      long context = memory.allocate();
      machine.context(context, new ContextEntry(48).lower(first).set(48));
      machine.stream(1, new StreamEntry(5).stage1(context, 0, 0, 0));
      iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
    }
  }
}
