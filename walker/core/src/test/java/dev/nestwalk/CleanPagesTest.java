package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A page that is clean is dirty after the first write, whatever was kept of it before: pages are
 * read until every cache knows them, then written, one by one and in batches; the tables are then
 * as an uncached walk of the same requests leaves them.
 */
final class CleanPagesTest {
  private static final int PAGES = 64;

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    for (boolean vtd : new boolean[] {true, false}) {
      for (int stages = 1; stages <= 3; stages++) {
        MappedPlan plan = MappedPlan.of(vtd, (stages & 1) != 0, (stages & 2) != 0).flags(true);
        plans.add(plan.pages(PAGES, 0, 1));
        plans.add(plan.pages(PAGES, 100, 1));
      }
    }
    return plans.stream();
  }

  private static List<CacheOptions> caches() {
    CacheOptions all = CacheOptions.DEFAULT;
    return List.of(
        all,
        all.withStructures(64, 64, 64),
        all.withCounters(),
        all.withStructures(64, 64, 64).withCounters(),
        all.withIotlb(64, 1),
        CacheOptions.NONE.withStructures(64, 64, 64),
        CacheOptions.NONE);
  }

  /** Takes the dirty flag, or the write right that stands for it, from leaves of some stages. */
  private static int clean(MappedPlan plan, MappedMachine machine, int stages) {
    TableMemory memory = machine.memory();
    int cleaned = 0;
    for (int page = 0; page < memory.pagesUsed(); page++) {
      for (int slot = 0; slot < 512 && !machine.isConfiguration(page); slot++) {
        long at = memory.page(page) + slot * 8L;
        long word = memory.get(at);
        long cleanWord = plan.vtd() ? cleanVtd(word, stages) : cleanSmmu(word, stages);
        if (cleanWord != word) {
          memory.put(at, cleanWord);
          cleaned++;
        }
      }
    }
    return cleaned;
  }

  private static long cleanVtd(long word, int stages) {
    if ((word & 0x67) == 0x67) {
      return (stages & 1) != 0 ? word & ~0x40L : word;
    }
    return (stages & 2) != 0 && (word & 0x203) == 0x203 ? word & ~0x200L : word;
  }

  private static long cleanSmmu(long word, int stages) {
    boolean second = (word >>> 2 & 15) == 15;
    boolean meant = (word & 1L << 51) != 0 && (stages & (second ? 2 : 1)) != 0;
    return !meant ? word : second ? word & ~0x80L : word | 0x80;
  }

  private static Iommu iommu(MappedMachine machine, boolean vtd) {
    return vtd
        ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
        : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
  }

  @ParameterizedTest
  @MethodSource("plans")
  void theFirstWriteMakesThemDirty(MappedPlan plan) {
    for (int stages = 1; stages <= 3; stages++) {
      boolean there = (stages & 1) == 0 || plan.first();
      if (there && ((stages & 2) == 0 || plan.second())) {
        for (CacheOptions options : caches()) {
          check(plan, stages, options, false);
          check(plan, stages, options, true);
        }
      }
    }
  }

  private static void check(MappedPlan plan, int stages, CacheOptions options, boolean batches) {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(plan, arena);
      MappedMachine other = new MappedMachine(plan, arena);
      assertTrue(clean(plan, machine, stages) > 0, "leaves that can be clean");
      clean(plan, other, stages);
      Endpoint cached =
          iommu(machine, plan.vtd()).newTranslator(options).endpoint(MappedMachine.SOURCE, -1);
      Translator walking = iommu(other, plan.vtd()).newUncachedTranslator();
      long[] iovas = machine.addresses(PAGES);
      for (int access : new int[] {Access.READ, Access.READ, Access.WRITE, Access.READ}) {
        ask(cached, walking, iovas, access, batches);
      }
      String where = plan + ", " + options + (batches ? ", in batches" : "") + ", " + stages;
      assertEquals(-1, machine.memory().firstDifference(other.memory()), where);
    }
  }

  /** Every other page is written alone, so that clean ones are left beside dirty ones. */
  private static void ask(
      Endpoint cached, Translator walking, long[] iovas, int access, boolean batches) {
    int step = access == Access.WRITE ? 2 : 1;
    long[] asked = new long[iovas.length / step];
    for (int i = 0; i < asked.length; i++) {
      asked[i] = iovas[i * step];
    }
    long[] answers = new long[asked.length];
    if (batches) {
      cached.translate(asked, answers, 0, asked.length, access);
    }
    for (int i = 0; i < asked.length; i++) {
      long expected = walking.translate(MappedMachine.SOURCE, -1, asked[i], access);
      long answer = batches ? answers[i] : cached.translate(asked[i], access);
      assertEquals(expected, answer);
    }
  }
}
