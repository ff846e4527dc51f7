package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a change of a unit's registers brings into force, drops, and refuses. */
final class UnitChangesTest {
  private static final int SOURCE = 1;
  private static final int WIDEST = 3;
  private static final long MIB = 1L << 20;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 96);

  @AfterEach
  void close() {
    arena.close();
  }

  private static long page(Translator translator, long address) {
    long answer = translator.translate(SOURCE, -1, address, Access.READ);
    return Translation.isFault(answer) ? -Translation.code(answer) : Translation.address(answer);
  }

  /** What each register of protected memory protects when it changes, kept caches or not. */
  @ParameterizedTest
  @CsvSource({
    "PMEN,     0x80000001, 34",
    "PLMBASE,  0x1f00000,  32",
    "PLMLIMIT, 0x2800000,  40",
    "PHMBASE,  0xffe00000, 4095",
    "PHMLIMIT, 0x108000000, 4224",
  })
  void protectedMemoryIsNotAnsweredFromCaches(String register, String value, long mebibytes) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.pasid(SOURCE, 0, PasidEntry.passThrough(WIDEST).walkSnoop().domain(5));
    machine
        .register("CAP", VtdMachine.CAP | 1L << 5 | 1L << 6)
        .register("PMEN", register.equals("PMEN") ? 0 : 0x8000_0001L)
        .register("PLMBASE", 34 * MIB)
        .register("PLMLIMIT", 36 * MIB)
        .register("PHMBASE", 4098 * MIB)
        .register("PHMLIMIT", 4100 * MIB);
    Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
    Translator translator = iommu.newTranslator();
    long address = mebibytes * MIB;
    assertEquals(address, page(translator, address));
    assertEquals(address, page(translator, address), "kept");
    iommu.reconfigure(Map.of(register, Long.decode(value)), true);
    assertEquals(-Outcome.PROTECTED_MEMORY.code(), page(translator, address));
  }

  @ParameterizedTest
  @ValueSource(strings = {"CAP", "ECAP", "IDR0", "IDR1", "IDR3", "IDR5"})
  void noCapabilityChangesAndNothingElseDoesThen(String register) {
    boolean vtd = register.endsWith("CAP");
    Map<String, Long> registers =
        new HashMap<>(
            vtd ? new VtdLab(arena).machine.registers() : new SmmuLab(arena).machine.registers());
    registers.putIfAbsent(register, 0L);
    Iommu iommu =
        vtd
            ? Iommu.vtd(Comparison.over(memory), registers, VtdLab.HAW)
            : Iommu.smmuv3(Comparison.over(memory), registers);
    Translator translator = iommu.newTranslator();
    long before = translator.translate(SOURCE, -1, 0x1000, Access.READ);
    String enable = vtd ? "GSTS" : "CR0";
    Map<String, Long> changes = Map.of(register, registers.get(register) ^ 1L << 24, enable, 0L);
    var thrown =
        assertThrows(
            IllegalArgumentException.class, () -> iommu.reconfigure(changes, false), register);
    assertTrue(String.valueOf(thrown.getMessage()).startsWith(register + " changes"));
    assertEquals(before, translator.translate(SOURCE, -1, 0x1000, Access.READ));
    iommu.reconfigure(Map.of(register, registers.get(register)), false);
  }

  /** Each change names some registers; the others stay as earlier changes left them. */
  @Test
  void changesAddUp() {
    long iova = 0x4030_2000L;
    Iommu iommu = null;
    Translator translator = null;
    for (int i = 1; i <= 3; i++) {
      VtdMachine machine = new VtdMachine(memory);
      SecondStageTables tables = new SecondStageTables(memory, 4).map(iova, i * MIB, 12, 3);
      machine.context(SOURCE, 0, 2, 5, tables.root());
      if (iommu == null || translator == null) {
        iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
        translator = iommu.newTranslator();
      } else {
        iommu.reconfigure(Map.of("GSTS", 0L), false);
        iommu.reconfigure(Map.of("RTADDR", machine.registers().get("RTADDR")), false);
        assertEquals(iova, page(translator, iova), "still off");
        iommu.reconfigure(Map.of("GSTS", machine.registers().get("GSTS")), false);
      }
      assertEquals(i * MIB, page(translator, iova));
      List<MappingScan.Mapping> mapped = new ArrayList<>();
      assertTrue(iommu.mappings(SOURCE, -1).advance(10_000, mapped::add));
      assertEquals(
          List.of(new MappingScan.Mapping(iova, iova + 0xfff, i * MIB, Access.ATOMIC)), mapped);
    }
  }
}
