package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedMachine.Runs;
import dev.nestwalk.fixtures.MappedPlan;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The fast walk beside the walkers that know every rule, for every shape, access and regime: on
 * clean tables it answers everything itself, and as they do; on damaged ones it answers as they do
 * or not at all.
 */
class KernelTest {
  private static final int ADDRESSES = 128;

  /** Ways to use the caches. */
  private static final Map<String, CacheOptions> REGIMES = new LinkedHashMap<>();

  static {
    CacheOptions usual = CacheOptions.DEFAULT.withIotlb(256, 4).withStructures(64, 64, 0);
    REGIMES.put("none", CacheOptions.NONE);
    REGIMES.put("page-walk caches", CacheOptions.NONE.withStructures(64, 64, 0));
    REGIMES.put("first stage's only", CacheOptions.NONE.withStructures(64, 0, 0));
    REGIMES.put("second stage's only", CacheOptions.NONE.withStructures(0, 64, 0));
    REGIMES.put("IOTLB only", usual.withStructures(0, 0, 0));
    REGIMES.put("all", usual);
    REGIMES.put("all, two ways", usual.withIotlb(256, 2));
    REGIMES.put("all and pages", usual.withStructures(64, 64, 64));
  }

  /** SMMUv3: granule, start level, input bits. */
  private static final int[][] GEOMETRIES = {
    {12, 0, 48}, {12, 1, 39}, {12, 2, 30}, {14, 1, 47}, {14, 2, 36}, {16, 1, 48}, {16, 2, 42}
  };

  /** Those of stage 2 alone: tables concatenated, and a start table of one level. */
  private static final int[][] SECOND_GEOMETRIES = {
    {12, 1, 40}, {12, 1, 42}, {12, 2, 33}, {14, 2, 40}, {16, 2, 45}
  };

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    int turn = 0;
    for (int stages = 1; stages <= 3; stages++) {
      boolean first = (stages & 1) != 0;
      boolean second = (stages & 2) != 0;
      for (int one = 4; one <= (first ? 5 : 4); one++) {
        for (int two = 3; two <= (second ? 5 : 3); two++) {
          MappedPlan plan = MappedPlan.of(true, first, second).levels(one, second ? two : 4);
          plans.add(plan);
          plans.add(plan.pages(4096, 50, 1));
          plans.add(plan.flags(second));
          plans.add(plan.inputAroundInterrupts());
        }
      }
      for (Runs runs : Runs.values()) {
        plans.add(MappedPlan.of(true, first, second).runs(runs).pages(2048, 30, 1));
        plans.add(MappedPlan.of(false, first, second).runs(runs).pages(2048, 30, 1));
      }
      List<int[]> seconds = new ArrayList<>(List.of(GEOMETRIES));
      seconds.addAll(List.of(SECOND_GEOMETRIES));
      for (int[] one : first ? List.of(GEOMETRIES) : List.of(GEOMETRIES[0])) {
        for (int[] two : second ? seconds : List.of(GEOMETRIES[0])) {
          if (first && second && !Arrays.equals(one, two) && turn++ % 3 != 0) {
            continue;
          }
          MappedPlan plan =
              MappedPlan.of(false, first, second)
                  .stage1(one[0], one[1], one[2])
                  .stage2(two[0], two[1], two[2]);
          boolean flags = (one[0] + two[0] & 4) != 0;
          plans.add(plan.flags(flags));
          MappedPlan other = plan.flags(!flags);
          // A page of one level up has 2, 32 or 512 MiB.
          plans.add(
              switch (Math.max(one[0], two[0])) {
                case 12 -> other.pages(1 << 13, 50, 1);
                case 14 -> other.pages(1 << 14, 30, 1);
                default -> other.pages(1 << 15, 100, 1);
              });
        }
      }
    }
    return plans.stream();
  }

  @ParameterizedTest
  @MethodSource("plans")
  void cleanTablesAreAnsweredHereAndDamagedOnesAsTheFullWalkDoes(MappedPlan what) {
    try (Arena arena = Arena.ofShared()) {
      KernelLab lab = new KernelLab(what, arena);
      long[] iovas = lab.machine.addresses(ADDRESSES);
      iovas[0] = lab.machine.input();
      Map<String, KernelLab.Bench> benches = new LinkedHashMap<>();
      int kind = 0;
      for (Map.Entry<String, CacheOptions> regime : REGIMES.entrySet()) {
        String name = regime.getKey();
        // Each plan has the usual ones and two others, by turns.
        boolean usual = name.equals("none") || name.equals("all");
        if (usual || Math.floorMod(what.toString().hashCode() + kind++, 3) == 0) {
          CacheOptions options = regime.getValue();
          boolean specialised = benches.size() % 2 == 0 || !what.runs().equals(Runs.ONE);
          KernelLab.Bench plain = lab.new Bench(options, specialised);
          KernelLab.Bench counting = lab.new Bench(options.withCounters(), !specialised);
          benches.put(name, specialised ? plain : plain.unspecialised());
          benches.put(name + ", counting", specialised ? counting.unspecialised() : counting);
        }
      }
      int answered = 0;
      for (int access = 1; access <= 3; access++) {
        long[] expected = expected(lab, iovas, access, true);
        for (Map.Entry<String, KernelLab.Bench> bench : benches.entrySet()) {
          bench.getValue().forget();
          String where = what + ", " + bench.getKey() + ", access " + access;
          answered += compare(bench.getValue(), iovas, expected, access, true, where);
        }
      }
      assertTrue(answered > 0, "answered");
      damage(lab, benches, iovas, what);
    }
  }

  private static void damage(
      KernelLab lab, Map<String, KernelLab.Bench> benches, long[] iovas, MappedPlan what) {
    Random random = new Random(what.toString().hashCode());
    for (int round = 0; round < 3; round++) {
      damage(lab, random);
      for (int i = 0; i < 64; i++) {
        iovas[i] = random.nextInt(4) == 0 ? random.nextLong() : iovas[i] ^ 1L << random.nextInt(64);
      }
      int access = 1 + random.nextInt(3);
      String when = ", round " + round + ", access " + access;
      // The kernels first: the full walk sets flags.
      Map<String, long[][]> all = new LinkedHashMap<>();
      benches.forEach(
          (name, bench) -> {
            bench.forget();
            all.put(name, ask(bench, iovas, access));
          });
      long[] expected = expected(lab, iovas, access, false);
      all.forEach(
          (name, answers) -> {
            for (long[] some : answers) {
              for (int i = 0; i < iovas.length; i++) {
                if (some[i] != 0) {
                  String where = what + ", " + name + when;
                  assertSame(expected[i], some[i], iovas[i], where);
                }
              }
            }
          });
    }
  }

  /** Flips bits, and leads entries to where addresses are interrupts. */
  private static void damage(KernelLab lab, Random random) {
    for (int i = 0; i < 40; i++) {
      int page = random.nextInt(lab.machine.memory().pagesUsed());
      long at = lab.machine.memory().page(page) + random.nextInt(512) * 8L;
      long word = lab.machine.memory().get(at);
      if (!lab.machine.isConfiguration(page) && word != 0) {
        int bit = random.nextInt(2) == 0 ? random.nextInt(12) : random.nextInt(64);
        long near = 0xfee0_0000L + (random.nextInt(300) - 20) * 4096L;
        boolean leads = random.nextInt(3) == 0;
        long other = leads ? word & ~0x000f_ffff_ffff_f000L | near : word ^ 1L << bit;
        lab.machine.memory().put(at, other);
      }
    }
  }

  private static long[] expected(KernelLab lab, long[] iovas, int access, boolean clean) {
    long[] expected = new long[iovas.length];
    for (int i = 0; i < iovas.length; i++) {
      expected[i] = lab.walk(iovas[i], access);
      if (clean && i % 16 == 0) {
        Trace trace = lab.reference.translate(MappedMachine.SOURCE, -1, iovas[i], access);
        assertSame(trace.translation(), expected[i], iovas[i], "reference");
      }
    }
    return expected;
  }

  /** One by one, once more when all is known, and in batches of several sizes. */
  private static long[][] ask(KernelLab.Bench bench, long[] iovas, int access) {
    long[][] answers = new long[5][iovas.length];
    for (int i = 0; i < iovas.length; i++) {
      answers[0][i] = bench.kernel.translate(iovas[i], access);
    }
    if (bench.iotlb != null) {
      bench.iotlb.clear();
    }
    for (int i = 0; i < iovas.length; i++) {
      answers[1][i] = bench.kernel.translate(iovas[i], access);
    }
    int[] sizes = {16, 7, iovas.length};
    for (int size = 0; size < sizes.length; size++) {
      if (bench.iotlb != null && size != 1) {
        bench.iotlb.clear();
      }
      for (int i = 0; i < iovas.length; i += sizes[size]) {
        int count = Math.min(sizes[size], iovas.length - i);
        int zeros = bench.kernel.translate(iovas, answers[2 + size], i, count, access);
        for (int j = i; j < i + count; j++) {
          zeros -= answers[2 + size][j] == 0 ? 1 : 0;
        }
        assertEquals(0, zeros, "unanswered");
      }
    }
    return answers;
  }

  private static int compare(
      KernelLab.Bench bench,
      long[] iovas,
      long[] expected,
      int access,
      boolean clean,
      String where) {
    int answered = 0;
    for (long[] answers : ask(bench, iovas, access)) {
      for (int i = 0; i < iovas.length; i++) {
        boolean refused = Translation.isFault(expected[i]);
        if (answers[i] != 0 || clean && !refused) {
          assertSame(expected[i], answers[i], iovas[i], where);
          answered++;
        }
      }
    }
    return answered;
  }

  private static void assertSame(long expected, long answer, long iova, String where) {
    if (expected != answer) {
      String message =
          "%s: 0x%x: %s, expected %s"
              .formatted(
                  where,
                  iova,
                  answer == 0 ? "none" : Translation.describe(answer),
                  Translation.describe(expected));
      throw new AssertionError(message);
    }
  }
}
