package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
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
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Protected memory regions begin and end as the unit's granule says (VT-d 11.4.8). */
final class ProtectedMemoryTest {
  private static final long MIB = 1L << 20;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory tables = new TableMemory(arena).run(0x10_0000, 8);

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

  /**
   * The guest says that caches may be kept; what passes without tables (units that are off, and
   * pass-through) is refused in the new regions all the same, and no longer in the old ones.
   */
  @ParameterizedTest(name = "translation on: {0}, {1} set to {2} MiB")
  @CsvSource({
    "false, PLMBASE, 44", "false, PLMLIMIT, 60", "false, PHMBASE, 4106", "false, PHMLIMIT, 4116",
    "true,  PLMBASE, 44", "true,  PLMLIMIT, 60", "true,  PHMBASE, 4106", "true,  PHMLIMIT, 4116",
    "false, PMEN, 0", "true, PMEN, 0",
  })
  void aChangeOfProtectedMemoryIsSeenWhateverCachesKeep(boolean on, String name, long mib) {
    VtdMachine machine = new VtdMachine(tables).context(1, 2, 3, 5, 0);
    Map<String, Long> registers = new HashMap<>(registers());
    registers.put("PLMLIMIT", 50 * MIB);
    registers.put("PHMLIMIT", 4110 * MIB);
    registers.put("RTADDR", machine.registers().get("RTADDR"));
    registers.put("GSTS", on ? 1L << 31 : 0);
    Iommu iommu = Iommu.vtd(Comparison.over(tables), registers, 46);
    Translator keeps = iommu.newTranslator();
    String before = protectedMibs(keeps);
    assertEquals(before, protectedMibs(keeps), "and kept");
    iommu.reconfigure(Map.of(name, mib * MIB), true);
    String after = protectedMibs(iommu.newUncachedTranslator());
    assertNotEquals(before, after);
    assertEquals(after, protectedMibs(keeps));
    iommu.reconfigure(Map.of(name, registers.get(name)), true);
    assertEquals(before, protectedMibs(keeps));
  }

  private static String protectedMibs(Translator translator) {
    StringBuilder all = new StringBuilder();
    for (int mib = 30; mib < 4120; mib = mib == 70 ? 4090 : mib + 2) {
      long answer = translator.translate(1, -1, mib * MIB, Access.READ);
      if (Translation.isFault(answer)) {
        assertEquals(Outcome.PROTECTED_MEMORY.code(), Translation.code(answer));
        all.append(mib).append(' ');
      } else {
        assertEquals(mib * MIB, Translation.address(answer));
      }
    }
    return all.toString();
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
