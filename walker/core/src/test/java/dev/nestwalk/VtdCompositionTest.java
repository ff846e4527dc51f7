package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.vtd.FaultCode;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * A nested walk is the second stage of the first stage's output, with each first-stage table
 * address taken through the second stage on the way: checked with single-stage walks only.
 */
final class VtdCompositionTest {
  private static final int SOURCE = 0x0010;
  private static final int NESTED = 1;
  private static final int SECOND_ONLY = 2;
  private static final long RW = 3;

  @Test
  void nestedIsSecondStageOfFirstStage() {
    Map<Integer, Integer> answers = new TreeMap<>();
    for (int seed = 0; seed < 3000; seed++) {
      try (Arena arena = Arena.ofConfined()) {
        machine(new Chance(seed), arena, answers);
      }
    }
    assertTrue(answers.getOrDefault(-1, 0) > 10_000, "translations: " + answers);
    for (int code : new int[] {0x71, 0x72, 0x74, 0x75, 0x76, 0x79, 0x7a, 0x81, 0x85, 0x86}) {
      assertTrue(answers.containsKey(code), "fault 0x%x never came: %s".formatted(code, answers));
    }
  }

  private static long address(Chance chance, int width) {
    long address = 0;
    for (int shift = 12; shift < width; shift += 9) {
      address |= (long) chance.oneOf(0, 1, 1, 511) << shift;
    }
    return address & (1L << width) - 1;
  }

  private static long secondFlags(Chance chance) {
    long flags = chance.percent(85) ? RW : chance.some(RW, 50);
    return chance.percent(2) ? flags | 1L << 62 : flags;
  }

  private static long firstFlags(Chance chance) {
    long flags = chance.percent(85) ? VtdLab.USER_PAGE : VtdLab.USER_PAGE & ~chance.some(7, 40);
    return chance.percent(2) ? flags | 1L << 51 : flags;
  }

  private static void machine(Chance chance, Arena arena, Map<Integer, Integer> answers) {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.register("CAP", VtdMachine.CAP & ~(0x3fL << 16) | 43L << 16);
    int secondLevels = chance.oneOf(4, 5);
    SecondStageTables second = new SecondStageTables(memory, secondLevels);
    GuestSpace guest = new GuestSpace(memory, second, 0x6000_0000L);
    guest.mappingFlags(chance.percent(70) ? RW : secondFlags(chance));
    FirstStageTables first = new FirstStageTables(guest, chance.oneOf(4, 5));
    long[] iovas = new long[4];
    for (int i = 0; i < iovas.length; i++) {
      first.tableFlags(firstFlags(chance));
      guest.mappingFlags(secondFlags(chance));
      iovas[i] = address(chance, 12 + 9 * first.levels() - 1);
      long page = chance.percent(95) ? address(chance, 44) : 1L << 44;
      try {
        int size = chance.oneOf(12, 12, 21, 30);
        first.map(iovas[i], page, size, firstFlags(chance));
        long base = page & -1L << size;
        int inner = chance.oneOf(12, 21, 30);
        second.map(
            base | iovas[i] & (1L << size) - 1, chance.bits() >>> 20, inner, secondFlags(chance));
      } catch (IllegalArgumentException taken) {
        // A larger page is there already, which is as good.
      }
    }
    machine.pasid(SOURCE, NESTED, PasidEntry.nested(first, second).noExecute());
    machine.pasid(SOURCE, SECOND_ONLY, PasidEntry.secondStage(secondLevels - 2, second.root()));
    Translator translator =
        Iommu.vtd(Comparison.over(memory), machine.registers(), 46).newUncachedTranslator();
    for (int i = 0; i < 16; i++) {
      long iova = iovas[chance.below(iovas.length)] ^ chance.bits() & 0xff8;
      int access = chance.oneOf(Access.READ, Access.WRITE);
      long nested = translator.translate(SOURCE, NESTED, iova, access);
      long composed = compose(translator, memory, first, iova, access);
      assertEquals(Translation.describe(composed), Translation.describe(nested), "iova " + iova);
      answers.merge(Translation.isFault(nested) ? Translation.code(nested) : -1, 1, Integer::sum);
    }
  }

  /** The first stage by hand; each address through a walk of the second stage alone. */
  private static long compose(
      Translator translator, TableMemory memory, FirstStageTables first, long iova, int access) {
    long table = first.root();
    long all = -1;
    for (int level = first.levels(); ; level--) {
      int shift = 12 + 9 * (level - 1);
      long guest = table + (iova >>> shift & 511) * 8;
      long host = second(translator, guest, Access.READ);
      if (Translation.isFault(host)) {
        return tableFault(host, level, first.levels());
      }
      if (!memory.holds(Translation.address(host))) {
        return Translation.fault(
            level == first.levels() ? FaultCode.SFS_4 : FaultCode.SFS_1, 1, level);
      }
      long entry = memory.get(Translation.address(host));
      if ((entry & 1) == 0) {
        return Translation.fault(FaultCode.SFS_2, 1, level);
      }
      boolean leaf = level == 1 || level <= 3 && (entry & 0x80) != 0;
      if ((entry & 0x000f_c000_0000_0000L) != 0) {
        return Translation.fault(FaultCode.SFS_3, 1, level);
      }
      // A flag that is missing would have to be set, for which this unit has no PWSNP.
      if (!leaf && (entry & 0x20) == 0) {
        return Translation.fault(FaultCode.SFS_9, 1, level);
      }
      all &= entry;
      if (leaf) {
        return finish(translator, all, entry, level, iova, access);
      }
      table = entry & 0x000f_ffff_ffff_f000L;
    }
  }

  private static long finish(
      Translator translator, long all, long entry, int level, long iova, int access) {
    int shift = 12 + 9 * (level - 1);
    if ((all & 4) == 0) {
      return Translation.fault(FaultCode.SGN_2, 1, level);
    }
    if (access == Access.WRITE && (all & 2) == 0) {
      return Translation.fault(FaultCode.SGN_6, 1, level);
    }
    long guest = (entry & 0x000f_ffff_ffff_f000L) >>> shift << shift | iova & (1L << shift) - 1;
    long host = second(translator, guest, access);
    if (Translation.isFault(host)) {
      return Translation.code(host) == FaultCode.SGN_5
          ? Translation.fault(FaultCode.SFS_5, 1, level)
          : host;
    }
    int rights = Translation.rights(host) & ((all & 2) != 0 ? Access.ATOMIC : Access.READ);
    int span = Math.min(shift, Translation.spanLog2(host));
    return Translation.ok(Translation.address(host), span, rights);
  }

  private static long second(Translator translator, long guest, int access) {
    return translator.translate(SOURCE, SECOND_ONLY, guest, access);
  }

  private static long tableFault(long host, int level, int levels) {
    return switch (Translation.code(host)) {
      case FaultCode.SGN_5 -> Translation.fault(FaultCode.SFS_5, 1, level);
      case FaultCode.SGN_7 ->
          Translation.fault(level == levels ? FaultCode.SFS_6 : FaultCode.SFS_7, 1, level);
      default -> host;
    };
  }
}
