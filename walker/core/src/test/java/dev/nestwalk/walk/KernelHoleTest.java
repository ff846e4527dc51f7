package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedPlan;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * VT-d's interrupt addresses, 1 MiB below 4 GiB, as input or as output: the fast walk leaves them,
 * and nothing beside them, to the full walker, and no larger page is kept across them.
 */
class KernelHoleTest {
  private static final long HOLE = 0xfee0_0000L;
  private static final long PAGE = 4096;
  private static final CacheOptions TABLES = CacheOptions.NONE.withStructures(64, 64, 0);
  private static final List<CacheOptions> REGIMES =
      List.of(
          CacheOptions.NONE,
          TABLES,
          TABLES.withIotlb(256, 4),
          TABLES.withIotlb(256, 4).withCounters(),
          CacheOptions.NONE.withCounters());

  /** Where page 0 is, so that all of the hole, and what is beside it, is within. */
  private static final long AROUND = 0xfec0_0000L;

  /** How many of the addresses below are in the hole. */
  private static final int WITHIN = 6;

  /** An address above 4 GiB whose lower half is that of an interrupt. */
  private static final long ABOVE = 1L << 32 | AROUND;

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    for (int stages = 1; stages <= 3; stages++) {
      MappedPlan one = MappedPlan.of(true, (stages & 1) != 0, (stages & 2) != 0);
      for (MappedPlan plan : List.of(one.pages(1024, 0, 1), one.pages(2048, 50, 1))) {
        plans.add(plan.input(AROUND));
        plans.add(plan.output(AROUND));
        plans.add(plan.input(AROUND).output(ABOVE));
        plans.add(plan.input(ABOVE).output(AROUND));
        plans.add(plan.input(ABOVE).output(ABOVE));
        plans.add(plan.input(AROUND).output(AROUND));
        plans.add(plan.input(AROUND).output(AROUND + (1L << 30)));
      }
    }
    return plans.stream();
  }

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** Around the ends of the hole and of the blocks next to it, and in the middle. */
  private static long[] addresses(long input) {
    long[] offsets = {
      0,
      -8,
      8,
      2 * PAGE,
      (1 << 20) - 8,
      1 << 20,
      (1 << 20) + 8,
      (2 << 20) - 8,
      -(1 << 20),
      -(1 << 20) - 8,
      1 << 19,
      -(2 << 20) + 8,
      -(2 << 20),
      0x8_1238,
      0x18_1238,
      -PAGE
    };
    return Arrays.stream(offsets).map(offset -> input + HOLE - AROUND + offset).toArray();
  }

  @ParameterizedTest
  @MethodSource("plans")
  void interruptAddressesAloneAreLeftToTheFullWalk(MappedPlan plan) throws InterruptedException {
    KernelLab lab = new KernelLab(plan, arena);
    long[] iovas = addresses(lab.machine.input());
    long[] expected = Arrays.stream(iovas).map(iova -> lab.walk(iova, 1)).toArray();
    int refused = (int) Arrays.stream(expected).filter(Translation::isFault).count();
    boolean within = lab.machine.input() == AROUND || lab.machine.output() == AROUND;
    assertEquals(within ? WITHIN : 0, refused, "refused");
    for (CacheOptions options : REGIMES) {
      for (boolean specialised : new boolean[] {true, false}) {
        KernelLab.Bench bench = lab.inTheRoom(options, specialised);
        String where = plan + ", " + options;
        for (int round = 0; round < 2; round++) {
          for (int i = 0; i < iovas.length; i++) {
            check(expected[i], bench.kernel.translate(iovas[i], 1), iovas[i], where);
          }
        }
        batch(bench, iovas, expected, where);
        batch(bench, free(iovas, expected), free(expected, expected), where);
        Lanes lanes = bench.kernel.caches.lanes;
        boolean sideBySide = bench.kernel.shape.walksSideBySide() && plan.isSmall();
        long last = Translation.address(free(expected, expected)[Lanes.COUNT - 1]);
        assertTrue(!sideBySide || lanes.hosts[Lanes.COUNT - 1] == last, where);
      }
    }
  }

  /** Those of an array whose addresses are free, and one of them instead of the others. */
  private static long[] free(long[] all, long[] expected) {
    long[] free = all.clone();
    for (int i = 0; i < free.length; i++) {
      free[i] = Translation.isFault(expected[i]) ? all[1] : all[i];
    }
    return free;
  }

  private static void batch(KernelLab.Bench bench, long[] iovas, long[] expected, String where) {
    long[] answers = new long[iovas.length];
    if (bench.iotlb != null) {
      bench.iotlb.clear();
    }
    Kernel kernel = bench.another();
    Arrays.fill(kernel.caches.lanes.hosts, -1);
    kernel.translate(iovas, answers, 0, iovas.length, 1);
    for (int i = 0; i < iovas.length; i++) {
      check(expected[i], answers[i], iovas[i], "in a batch, " + where);
    }
  }

  private static void check(long expected, long answer, long iova, String where) {
    long wanted = Translation.isFault(expected) ? 0 : expected;
    if (wanted != answer) {
      assertEquals(
          Translation.describe(wanted),
          Translation.describe(answer),
          () -> "0x%x, %s".formatted(iova, where));
    }
  }
}
