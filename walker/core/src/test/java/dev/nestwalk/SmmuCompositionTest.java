package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.smmu.EventCode;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * A nested walk is stage 2 of stage 1's output, with each stage 1 descriptor address taken through
 * stage 2 on the way: checked with stage 2 walks only, for every pair of granules.
 */
final class SmmuCompositionTest {
  private static final int NESTED = 1;
  private static final int SECOND_ONLY = 2;
  private static final int BITS = 44;
  private static final long AF = 1L << 10;

  @Test
  void nestedIsStage2OfStage1() {
    Map<Integer, Integer> answers = new TreeMap<>();
    for (int seed = 0; seed < 2700; seed++) {
      try (Arena arena = Arena.ofConfined()) {
        int[] granules = {12, 14, 16};
        machine(new Chance(seed), arena, granules[seed % 3], granules[seed / 3 % 3], answers);
      }
    }
    assertTrue(answers.getOrDefault(-1, 0) > 5_000, "translations: " + answers);
    for (int code : new int[] {0x0b, 0x10, 0x11, 0x12, 0x13}) {
      assertTrue(answers.containsKey(code), "code 0x%x never came: %s".formatted(code, answers));
    }
  }

  private static long secondFlags(Chance chance) {
    long flags = chance.percent(95) ? AF : 0;
    return flags | 15L << 2 | (chance.percent(85) ? 3L << 6 : chance.some(3L << 6, 50));
  }

  private static long firstFlags(Chance chance) {
    long flags = chance.percent(95) ? AF : 0;
    return flags | (chance.percent(95) ? 1L << 6 : 0) | (chance.percent(20) ? 1L << 7 : 0);
  }

  private static long address(Chance chance, int granule, int bits) {
    long address = 0;
    for (int shift = granule; shift < bits; shift += granule - 3) {
      address |= (long) chance.oneOf(0, 1, 1, 5) << shift;
    }
    return address & (1L << bits) - 1;
  }

  private static int start(int granule) {
    int level = 3;
    for (int covered = granule + granule - 3; covered < BITS; covered += granule - 3) {
      level--;
    }
    return level;
  }

  private static void machine(
      Chance chance, Arena arena, int inner, int outer, Map<Integer, Integer> answers) {
    TableMemory memory = new TableMemory(arena).run(0x4000_0000L, 512);
    SmmuMachine machine = new SmmuMachine(memory).register("IDR5", 4L | 7L << 4);
    VmsaTables second = new VmsaTables(memory, outer, start(outer), BITS);
    VmsaTables first = new VmsaTables(memory, inner, start(inner), BITS);
    long contexts = memory.allocate();
    long[] inputs = new long[4];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = address(chance, inner, BITS);
      long page = chance.percent(95) ? address(chance, outer, BITS) : 1L << 45;
      int level = chance.percent(70) ? 3 : 2;
      try {
        first.map(inputs[i], page, level, firstFlags(chance));
        long offset = inputs[i] & (1L << first.shift(level)) - 1;
        long inside = page >>> first.shift(level) << first.shift(level) | offset;
        second.map(inside, chance.bits() >>> 20, chance.oneOf(2, 3), secondFlags(chance));
      } catch (IllegalArgumentException taken) {
        // A block is there already, which is as good.
      }
    }
    for (long page = 0x4000_0000L; page < 0x4020_0000L; page += 1L << outer) {
      try {
        boolean moved = chance.percent(1);
        second.map(page, moved ? 1L << 40 : page, 3, moved ? 0x4fc : secondFlags(chance) | 0x440);
      } catch (IllegalArgumentException taken) {
        // A block is there already, which is as good.
      }
    }
    machine.context(contexts, new ContextEntry(44).lower(first));
    machine.stream(NESTED, new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(second, 44));
    machine.stream(SECOND_ONLY, new StreamEntry(6).stage2(second, 44));
    Translator translator =
        Iommu.smmuv3(Comparison.over(memory), machine.registers()).newUncachedTranslator();
    long home = translator.translate(SECOND_ONLY, -1, contexts, Access.READ);
    if (Translation.isFault(home) || Translation.address(home) != contexts) {
      // A random mapping took the CD away: nothing is left to compose.
      return;
    }
    for (int i = 0; i < 16; i++) {
      long input = inputs[chance.below(inputs.length)] ^ chance.bits() & 0xff8;
      int access = chance.oneOf(Access.READ, Access.WRITE);
      long nested = translator.translate(NESTED, -1, input, access);
      long composed = compose(translator, memory, first, input, access);
      assertEquals(Translation.describe(composed), Translation.describe(nested), "at " + input);
      answers.merge(Translation.isFault(nested) ? Translation.code(nested) : -1, 1, Integer::sum);
    }
  }

  private static long compose(
      Translator translator, TableMemory memory, VmsaTables first, long input, int access) {
    long table = first.root();
    for (int level = first.start(); ; level++) {
      int shift = first.shift(level);
      long slots = level == first.start() ? -1 : (1L << first.granule() - 3) - 1;
      long at = table + (input >>> shift & slots) * 8;
      long host = translator.translate(SECOND_ONLY, -1, at, Access.READ);
      if (Translation.isFault(host)) {
        return host;
      }
      if (!memory.holds(Translation.address(host))) {
        return Translation.fault(EventCode.F_WALK_EABT, 1, level);
      }
      long entry = memory.get(Translation.address(host));
      boolean next = level < 3 && (entry & 3) == 3;
      boolean leaf = level == 3 ? (entry & 3) == 3 : (entry & 3) == 1 && block(first, level);
      if (!next && !leaf) {
        return Translation.fault(EventCode.F_TRANSLATION, 1, level);
      }
      int zeros = next ? first.granule() : shift;
      long output = (entry & 0x0000_ffff_ffff_ffffL) >>> zeros << zeros;
      if (output >>> 44 != 0) {
        return Translation.fault(EventCode.F_ADDR_SIZE, 1, level);
      }
      if (leaf) {
        return finish(translator, entry, output, shift, level, input, access);
      }
      table = output;
    }
  }

  private static boolean block(VmsaTables tables, int level) {
    return level == 2 || level == 1 && tables.granule() == 12;
  }

  private static long finish(
      Translator translator,
      long entry,
      long output,
      int shift,
      int level,
      long input,
      int access) {
    if ((entry & AF) == 0) {
      return Translation.fault(EventCode.F_ACCESS, 1, level);
    }
    boolean readOnly = (entry & 1 << 7) != 0;
    if ((entry & 1 << 6) == 0 || access == Access.WRITE && readOnly) {
      return Translation.fault(EventCode.F_PERMISSION, 1, level);
    }
    long page = output | input & (1L << shift) - 1;
    long host = translator.translate(SECOND_ONLY, -1, page, access);
    if (Translation.isFault(host)) {
      return host;
    }
    int rights = Translation.rights(host) & (readOnly ? Access.READ : Access.ATOMIC);
    int span = Math.min(shift, Translation.spanLog2(host));
    return Translation.ok(Translation.address(host), span, rights);
  }
}
