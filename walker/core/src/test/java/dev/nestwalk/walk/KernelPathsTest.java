package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.CountingMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How the fast walk comes to its answers, told by what it reads: sixteen at a time where it can,
 * from the tables that it knows, and from answers that it kept. A path that is never taken would
 * give the same answers, only slower.
 */
class KernelPathsTest {
  private static final CacheOptions TABLES = CacheOptions.NONE.withStructures(64, 64, 0);
  private static final CacheOptions KEEPING = TABLES.withIotlb(256, 4);

  /** Entries of a cache that is twice as large as the memory that caches share. */
  private static final int MOST = Integer.getInteger("nestwalk.cache.bytes", 4 << 20) / 8;

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    for (int stages = 1; stages <= 3; stages++) {
      boolean first = (stages & 1) != 0;
      boolean second = (stages & 2) != 0;
      for (int levels = 4; levels <= 5; levels++) {
        plans.add(MappedPlan.of(true, first, second).levels(levels, levels));
      }
      plans.add(MappedPlan.of(true, first, second).flags(true));
      int[][] geometries = {{12, 0, 48}, {12, 1, 39}, {12, 2, 30}, {14, 1, 47}, {16, 1, 48}};
      for (int[] one : geometries) {
        MappedPlan plan = MappedPlan.of(false, first, second).stage1(one[0], one[1], one[2]);
        plans.add(plan.stage2(one[0], one[1], one[2]));
        plans.add(plan.stage2(one[0], one[1], one[2]).flags(true));
      }
    }
    plans.add(MappedPlan.of(false, true, true).protectedWalks());
    return plans.stream();
  }

  /** A lab whose memory counts. */
  record Watched(KernelLab lab, CountingMemory memory) {
    Watched(MappedPlan plan, Arena arena) {
      this(new KernelLab(plan, arena, true));
    }

    private Watched(KernelLab lab) {
      this(lab, (CountingMemory) lab.memory);
    }
  }

  /** A kernel of its own class, and the one of all shapes. */
  private static List<KernelLab.Bench> benches(KernelLab lab, CacheOptions options) {
    return List.of(lab.new Bench(options, true), lab.new Bench(options, false).unspecialised());
  }

  static List<KernelLab.Bench> inTheRoom(KernelLab lab, CacheOptions options)
      throws InterruptedException {
    return List.of(lab.inTheRoom(options, true), lab.inTheRoom(options, false));
  }

  @ParameterizedTest
  @MethodSource("plansOfWholeWalks")
  void sixteenAddressesAreWalkedSideBySide(MappedPlan plan) throws InterruptedException {
    int walked = 0;
    try (Arena arena = Arena.ofShared()) {
      Watched watched = new Watched(plan, arena);
      for (CacheOptions options : List.of(CacheOptions.NONE, TABLES, KEEPING)) {
        for (KernelLab.Bench bench : inTheRoom(watched.lab, options)) {
          if (bench.kernel.shape.walksSideBySide()) {
            for (int access = 1; access <= 3; access++) {
              batch(watched, bench, access, plan + ", " + options + ", access " + access);
              walked++;
            }
          }
        }
      }
    }
    assertTrue(walked >= 6, walked + " batches");
  }

  private static void batch(Watched watched, KernelLab.Bench bench, int access, String where) {
    Kernel kernel = bench.kernel;
    Lanes lanes = kernel.caches.lanes;
    long[] iovas = watched.lab.machine.addresses(Lanes.COUNT);
    long[] answers = new long[Lanes.COUNT];
    bench.forget();
    for (long iova : iovas) {
      assertTrue(kernel.translate(iova, access) != 0, where);
    }
    if (bench.iotlb != null) {
      bench.iotlb.clear();
    }
    Arrays.fill(lanes.hosts, -1);
    watched.memory.reset();
    assertEquals(0, kernel.translate(iovas, answers, 0, iovas.length, access), where);
    Shape shape = kernel.shape;
    int each = shape.isBare() ? shape.references() : shape.isNested() ? 2 : 1;
    assertEquals(each * iovas.length, watched.memory.loads(), () -> "each walked once: " + where);
    for (int l = 0; l < iovas.length; l++) {
      assertEquals(watched.lab.walk(iovas[l], access), answers[l], where);
      assertEquals(Translation.address(answers[l]), lanes.hosts[l], () -> "a lane: " + where);
    }
    if (bench.iotlb != null) {
      watched.memory.reset();
      assertEquals(0, kernel.translate(iovas, answers, 0, iovas.length, access), where);
      assertEquals(0, watched.memory.loads(), () -> "kept: " + where);
    }
  }

  /** One that finds no room among the others, as the largest do. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void cachesWithMemoryOfTheirOwnKeepAndAnswerTheSame(boolean vtd) {
    CacheOptions large = TABLES.withIotlb(MOST, 4);
    try (Arena arena = Arena.ofShared()) {
      Watched watched = new Watched(MappedPlan.of(vtd, true, true), arena);
      for (KernelLab.Bench bench : benches(watched.lab, large)) {
        assertFalse(bench.kernel.caches.isUsual());
        long[] iovas = watched.lab.machine.addresses(Lanes.COUNT);
        long[] answers = new long[Lanes.COUNT];
        for (int round = 0; round < 2; round++) {
          watched.memory.reset();
          assertEquals(0, bench.kernel.translate(iovas, answers, 0, iovas.length, 1));
          assertEquals(round == 0, watched.memory.loads() > 0, "kept from the first time on");
          for (int l = 0; l < iovas.length; l++) {
            assertEquals(watched.lab.walk(iovas[l], 1), answers[l]);
          }
        }
      }
    }
  }

  static Stream<MappedPlan> sizes() {
    Stream<MappedPlan> mixed =
        Stream.of(true, false).map(vtd -> MappedPlan.of(vtd, true, vtd).pages(2048, 30, 1));
    return Stream.concat(upTo(2), mixed);
  }

  /** Also a stage without tables below the first one. */
  static Stream<MappedPlan> plansOfWholeWalks() {
    MappedPlan nested = MappedPlan.of(false, true, true);
    return Stream.concat(plans(), Stream.of(nested.stage1(16, 3, 29).stage2(16, 3, 29)));
  }

  /** Page-walk caches know the last tables and those above them, not those of 1 GiB pages. */
  static Stream<MappedPlan> sizesOfKnownTables() {
    return upTo(1);
  }

  private static Stream<MappedPlan> upTo(int most) {
    List<MappedPlan> plans = new ArrayList<>(plans().toList());
    for (int size = 1; size <= most; size++) {
      plans.add(MappedPlan.of(true, false, true).sizes(0, size));
      plans.add(MappedPlan.of(true, true, false).sizes(size, 0));
      plans.add(MappedPlan.of(true, true, true).sizes(size, size));
      plans.add(MappedPlan.of(false, true, true).sizes(size, size));
    }
    plans.add(MappedPlan.of(false, true, false).stage1(16, 1, 48).sizes(1, 0));
    plans.add(MappedPlan.of(false, false, true).stage2(14, 1, 47).sizes(0, 1));
    return plans.stream();
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void whatWasAnsweredOnceIsKeptWhateverItsSize(MappedPlan plan) {
    try (Arena arena = Arena.ofShared()) {
      Watched watched = new Watched(plan, arena);
      for (CacheOptions options :
          List.of(KEEPING, KEEPING.withCounters(), KEEPING.withIotlb(256, 2))) {
        for (KernelLab.Bench bench : benches(watched.lab, options)) {
          for (int access = 1; access <= 3; access++) {
            bench.forget();
            for (long iova : watched.lab.machine.addresses(8)) {
              long answer = bench.kernel.translate(iova, access);
              assertEquals(watched.lab.walk(iova, access), answer);
              watched.memory.reset();
              assertEquals(answer, bench.kernel.translate(iova, access));
              int read = watched.memory.loads();
              assertEquals(0, read, () -> "kept: " + plan + ", " + options);
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("sizesOfKnownTables")
  void aWalkBeginsAtTheLastTablesThatAreKnown(MappedPlan plan) {
    try (Arena arena = Arena.ofShared()) {
      Watched watched = new Watched(plan, arena);
      for (CacheOptions options :
          List.of(TABLES, TABLES.withIotlb(256, 4), TABLES.withCounters())) {
        for (KernelLab.Bench bench : benches(watched.lab, options)) {
          for (long iova : watched.lab.machine.addresses(8)) {
            bench.kernel.translate(iova, 1);
            if (bench.iotlb != null) {
              bench.iotlb.clear();
            }
            watched.memory.reset();
            assertTrue(bench.kernel.translate(iova, 1) != 0);
            int stages = bench.kernel.shape.isNested() ? 2 : 1;
            assertEquals(stages, watched.memory.loads(), () -> plan + ", " + options);
          }
        }
      }
    }
  }

  @Test
  void aKeptPageOfTheSecondStageIsNotWalkedAgain() {
    for (boolean vtd : new boolean[] {true, false}) {
      try (Arena arena = Arena.ofShared()) {
        Watched watched = new Watched(MappedPlan.of(vtd, true, true), arena);
        CacheOptions options = CacheOptions.NONE.withStructures(64, 64, 64);
        for (KernelLab.Bench bench : benches(watched.lab, options)) {
          for (long iova : watched.lab.machine.addresses(8)) {
            bench.kernel.translate(iova, 1);
            watched.memory.reset();
            assertTrue(bench.kernel.translate(iova, 1) != 0);
            assertEquals(1, watched.memory.loads(), "the entry of the first stage");
          }
          assertNotNull(bench.second);
        }
      }
    }
  }

  /** Counters of answers tell what was read, one by one and in batches, and what was known. */
  @ParameterizedTest
  @MethodSource("sizesOfKnownTables")
  void countersTellWhatWasReadAndWhatWasKnown(MappedPlan plan) {
    try (Arena arena = Arena.ofConfined()) {
      Watched watched = new Watched(plan, arena);
      long[] iovas = watched.lab.machine.addresses(Lanes.COUNT);
      long[] answers = new long[Lanes.COUNT];
      for (CacheOptions options :
          List.of(CacheOptions.NONE, TABLES, KEEPING, TABLES.withStructures(64, 64, 64))) {
        for (KernelLab.Bench bench : benches(watched.lab, options.withCounters())) {
          WalkCounters counters = bench.kernel.counters;
          String where = plan + ", " + options;
          bench.forget();
          for (int round = 0; round < 3; round++) {
            for (long iova : iovas) {
              long[] before = numbers(counters);
              watched.memory.reset();
              assertTrue(bench.kernel.translate(iova, 1) != 0, where);
              int read = watched.memory.loads();
              long[] now = numbers(counters);
              assertEquals(read, now[0] - before[0], () -> "references: " + where);
              boolean hit = bench.iotlb != null && read == 0;
              assertTrue(hit || bench.iotlb == null || round == 0, where);
              assertEquals(hit ? 0 : 1, now[1] - before[1], () -> "misses: " + where);
              assertEquals(hit ? 1 : 0, now[2] - before[2], () -> "hits: " + where);
              if (!hit && round > 0 && options.equals(TABLES)) {
                Shape shape = bench.kernel.shape;
                assertEquals(shape.first().isOn() ? 1 : 0, now[3] - before[3], where);
                assertEquals(shape.second().isOn() ? 1 : 0, now[4] - before[4], where);
              }
            }
          }
          if (bench.iotlb != null) {
            bench.iotlb.clear();
          }
          long[] before = numbers(counters);
          watched.memory.reset();
          assertEquals(0, bench.kernel.translate(iovas, answers, 0, iovas.length, 1), where);
          long[] now = numbers(counters);
          if (Translation.spanLog2(answers[0]) == bench.kernel.shape.smallest()) {
            // Larger pages are read side by side first, in vain, which is not counted.
            assertEquals(watched.memory.loads(), now[0] - before[0], () -> "batch: " + where);
          }
          assertEquals(iovas.length, now[1] - before[1] + now[2] - before[2], where);
          if (bench.iotlb != null) {
            long[] known = numbers(counters);
            bench.kernel.translate(iovas, answers, 0, iovas.length, 1);
            long hits = counters.hits() - known[2];
            assertEquals(iovas.length, hits, () -> "hits of a batch: " + where);
          }
        }
      }
    }
  }

  private static long[] numbers(WalkCounters counters) {
    return new long[] {
      counters.references(),
      counters.misses(),
      counters.hits(),
      counters.firstStageHits(),
      counters.secondStageHits()
    };
  }

  /** A kernel that has worked enough answers nothing, and says so of each address. */
  @Test
  void aBusyKernelAnswersNothing() {
    try (Arena arena = Arena.ofConfined()) {
      KernelLab lab = new KernelLab(MappedPlan.of(true, false, true), arena);
      KernelLab.Bench bench = lab.new Bench(CacheOptions.NONE, false);
      long[] iovas = lab.machine.addresses(8);
      long[] answers = new long[iovas.length];
      while (!bench.kernel.isBusy()) {
        bench.kernel.translate(iovas, answers, 0, iovas.length, 1);
      }
      Arrays.fill(answers, -1);
      assertEquals(3, bench.kernel.translate(iovas, answers, 2, 3, 1));
      for (int i = 0; i < answers.length; i++) {
        assertEquals(i >= 2 && i < 5 ? 0 : -1, answers[i]);
      }
    }
  }
}
