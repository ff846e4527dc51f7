package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Protected memory regions begin and end as the unit's granule says (VT-d 11.4.8). */
final class ProtectedMemoryTest {
  private static final long MIB = 1L << 20;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory tables = new TableMemory(arena).run(0x10_0000, 2);

  @AfterEach
  void close() {
    arena.close();
  }

  /** Translation off; low region 33..36 MiB, high region 4097..4097 MiB, as software wrote them. */
  private Map<String, Long> registers() {
    VtdMachine machine = new VtdMachine(tables).register("GSTS", 0);
    return machine
        .register("CAP", VtdMachine.CAP | 1L << 5 | 1L << 6)
        .register("PMEN", 0x8000_0001L)
        .register("PLMBASE", 33 * MIB)
        .register("PLMLIMIT", 36 * MIB)
        .register("PHMBASE", 4097 * MIB)
        .register("PHMLIMIT", 4097 * MIB)
        .registers();
  }

  @ParameterizedTest
  @CsvSource({
    "20, 33, 36, 4097, 4097",
    "21, 32, 37, 4096, 4097",
    "22, 32, 39, 4096, 4099",
  })
  void regionsAreRoundedToTheGranuleOfTheUnit(int log2, int low, int last, int high, int end) {
    GuestMemory memory = Comparison.over(tables);
    Translator hot = Iommu.vtd(memory, registers(), 46, log2).newTranslator();
    var reference = References.vtd(memory, registers(), 46, log2);
    for (int mib = 30; mib < 4102; mib = mib == 42 ? 4094 : mib + 1) {
      boolean inside = mib >= low && mib <= last || mib >= high && mib <= end;
      for (long address : new long[] {mib * MIB, mib * MIB + MIB - 1}) {
        long answer = hot.translate(1, -1, address, Access.READ);
        int code = Translation.isFault(answer) ? Translation.code(answer) : 0;
        assertEquals(inside ? Outcome.PROTECTED_MEMORY.code() : 0, code, mib + " MiB");
        var trace = reference.translate(1, -1, address, Access.READ);
        assertEquals("", Comparison.difference(answer, hot.lastFault(), trace));
      }
    }
  }

  @Test
  void granuleIs2MibUnlessSaid() {
    GuestMemory memory = Comparison.over(tables);
    Translator hot = Iommu.vtd(memory, registers(), 46).newTranslator();
    assertTrue(Translation.isFault(hot.translate(1, -1, 32 * MIB, Access.READ)));
  }

  @ParameterizedTest
  @CsvSource({"11", "32", "-1"})
  void granuleThatNoUnitHasIsRefused(int log2) {
    GuestMemory memory = Comparison.over(tables);
    Map<String, Long> registers = registers();
    var thrown =
        assertThrows(IllegalArgumentException.class, () -> Iommu.vtd(memory, registers, 46, log2));
    assertTrue(String.valueOf(thrown.getMessage()).contains("expected 2^12 to 2^31"), "message");
  }
}
