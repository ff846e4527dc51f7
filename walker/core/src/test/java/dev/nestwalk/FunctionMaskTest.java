package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which functions a device-selective invalidation of the context cache names (VT-d 6.5.2.1). */
final class FunctionMaskTest {
  private static final long PAGE = 0x4000_0000L;
  private static final int FUNCTIONS = 24;

  /** FM and the function bits that do not count: none, 2, 2:1, 2:0. */
  @ParameterizedTest(name = "FM {0}")
  @CsvSource({"0, 0", "1, 4", "2, 6", "3, 7"})
  void theMaskLeavesOutFunctionBits(int mask, int ignored) {
    for (int named = 8; named < 16; named++) {
      try (Arena arena = Arena.ofConfined()) {
        TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
        SecondStageTables tables = new SecondStageTables(memory, 4).map(PAGE, PAGE, 12, 3);
        VtdMachine machine = new VtdMachine(memory);
        for (int source = 0; source < FUNCTIONS; source++) {
          machine.context(source, 0, 2, 5, tables.root());
        }
        Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
        Translator translator = iommu.newTranslator();
        for (int source = 0; source < FUNCTIONS; source++) {
          assertEquals(PAGE, Translation.address(ask(translator, source)));
          memory.put(machine.contextAddress(source), 0);
        }
        long descriptor = 1 | 3L << 4 | (long) named << 32 | (long) mask << 48;
        assertEquals(0, iommu.vtdInvalidations().submit(descriptor, 0));
        Set<Integer> expected = new TreeSet<>();
        Set<Integer> gone = new TreeSet<>();
        for (int source = 0; source < FUNCTIONS; source++) {
          if (((source ^ named) & ~ignored) == 0) {
            expected.add(source);
          }
          if (Translation.isFault(ask(translator, source))) {
            gone.add(source);
          }
        }
        assertEquals(expected, gone, "function " + named);
      }
    }
  }

  private static long ask(Translator translator, int source) {
    return translator.translate(source, -1, PAGE, Access.READ);
  }
}
