package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Near reserved addresses, from a few bytes to many pages, of the input and between the stages, the
 * fast ways answer and keep what the uncached walk answers: one by one and in batches, before and
 * after anything is kept, and with caches of every kind.
 */
final class RestrictedWalksTest {
  private static final int PAGES = 512;
  private static final int ROUNDS = 6;

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    for (boolean vtd : new boolean[] {true, false}) {
      for (int stages = 1; stages <= 3; stages++) {
        MappedPlan plan = MappedPlan.of(vtd, (stages & 1) != 0, (stages & 2) != 0);
        plans.add(plan.pages(PAGES, 0, 1));
        plans.add(plan.pages(PAGES, 100, 1));
      }
    }
    plans.add(
        MappedPlan.of(false, true, true).stage1(16, 2, 42).stage2(12, 0, 48).pages(PAGES, 0, 1));
    plans.add(
        MappedPlan.of(false, true, true).stage1(12, 0, 48).stage2(16, 2, 42).pages(PAGES, 0, 1));
    return plans.stream();
  }

  private static List<CacheOptions> caches() {
    CacheOptions all = CacheOptions.DEFAULT;
    return List.of(
        all,
        all.withStructures(64, 64, 64),
        all.withCounters(),
        all.withIotlb(64, 1),
        new CacheOptions(16, 4, 4, 4, 8, false),
        CacheOptions.NONE,
        CacheOptions.NONE.withStructures(64, 64, 0));
  }

  @ParameterizedTest
  @MethodSource("plans")
  void theFastWaysAnswerAndKeepWhatTheUncachedWalkDoes(MappedPlan plan) {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(plan, arena);
      Iommu iommu =
          plan.vtd()
              ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
              : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
      Translator uncached = iommu.newUncachedTranslator();
      List<Translator> cached = caches().stream().map(iommu::newTranslator).toList();
      Random random = new Random(plan.toString().hashCode());
      int refused = 0;
      int narrowed = 0;
      for (int round = 0; round < ROUNDS; round++) {
        long[] iovas = machine.addresses(300);
        for (int i = 0; i < iovas.length; i++) {
          iovas[i] ^= random.nextInt(4096);
        }
        RegionSet input = regions(iovas, random);
        // Where the first stage leads is asked of a machine without a second.
        RegionSet below = plan.first() && plan.second() ? middles(machine, random) : input;
        iommu.restrict(
            MappedMachine.SOURCE,
            -1,
            round % 3 == 0 ? RegionSet.EMPTY : input,
            round % 3 == 1 ? RegionSet.EMPTY : below);
        int access = 1 + round % 3;
        long[] expected =
            Arrays.stream(iovas)
                .map(iova -> uncached.translate(MappedMachine.SOURCE, -1, iova, access))
                .toArray();
        refused += (int) Arrays.stream(expected).filter(Translation::isFault).count();
        narrowed +=
            (int)
                Arrays.stream(expected)
                    .filter(answer -> !Translation.isFault(answer))
                    .filter(answer -> Translation.spanLog2(answer) < 12)
                    .count();
        for (Translator translator : cached) {
          compare(translator.endpoint(MappedMachine.SOURCE, -1), iovas, expected, access);
        }
      }
      assertTrue(refused > 10, "only " + refused + " refused");
      assertTrue(narrowed > 5, "only " + narrowed + " beside a reserved range");
    }
  }

  private static void compare(Endpoint endpoint, long[] iovas, long[] expected, int access) {
    long[] answers = new long[iovas.length];
    for (int time = 0; time < 2; time++) {
      endpoint.translate(iovas, answers, 0, iovas.length, access);
      for (int i = 0; i < iovas.length; i++) {
        assertSame(expected[i], answers[i], iovas[i], "in a batch");
        assertSame(expected[i], endpoint.translate(iovas[i], access), iovas[i], "alone");
      }
      // Every other page kept by its neighbours, every address once more.
      for (int i = iovas.length - 1; i >= 0; i--) {
        endpoint.translate(iovas[i] ^ 0x800, Access.READ);
        assertSame(expected[i], endpoint.translate(iovas[i], access), iovas[i], "after another");
      }
    }
  }

  private static void assertSame(long expected, long answer, long iova, String how) {
    if (expected != answer) {
      assertEquals(
          Translation.describe(expected),
          Translation.describe(answer),
          () -> "0x%x %s".formatted(iova, how));
    }
  }

  /** Some bytes, pages and blocks around some of the addresses. */
  private static RegionSet regions(long[] around, Random random) {
    List<Region> regions = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      long size = 1L << 3 + random.nextInt(i < 8 ? 8 : 15);
      long at = around[random.nextInt(around.length)] ^ random.nextInt(1 << 14);
      regions.add(new Region(at & -size, at | size - 1, RegionKind.RESERVED));
    }
    return RegionSet.of(regions);
  }

  private static RegionSet middles(MappedMachine machine, Random random) {
    Iommu iommu =
        machine.registers().containsKey("CAP")
            ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
            : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
    long[] inputs = machine.addresses(12);
    List<Region> regions = new ArrayList<>();
    for (long input : inputs) {
      // Halves until what is refused is one block: the address between the stages, bit by bit.
      long middle = 0;
      for (int bit = 47; bit >= 12; bit--) {
        long upper = middle | 1L << bit;
        Region half = new Region(upper, upper | (1L << bit) - 1, RegionKind.RESERVED);
        iommu.restrict(MappedMachine.SOURCE, -1, RegionSet.EMPTY, RegionSet.of(List.of(half)));
        long answer =
            iommu.newUncachedTranslator().translate(MappedMachine.SOURCE, -1, input, Access.READ);
        middle = Translation.isFault(answer) ? upper : middle;
      }
      long size = 1L << 3 + random.nextInt(12);
      long at = middle ^ random.nextInt(1 << 13);
      regions.add(new Region(at & -size, at | size - 1, RegionKind.RESERVED));
    }
    return RegionSet.of(regions);
  }
}
