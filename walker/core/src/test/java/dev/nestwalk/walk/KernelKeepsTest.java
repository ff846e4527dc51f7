package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.Noted;
import dev.nestwalk.iotlb.Tag;
import dev.nestwalk.iotlb.TranslationCache;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the fast walk keeps of its answers, told by the caches themselves: the block, the rights
 * that need no look at the tables, and what is noted of the address space; of a barred address
 * nothing.
 */
class KernelKeepsTest {
  private static final CacheOptions KEEPING = CacheOptions.NONE.withIotlb(1024, 4);

  /** Ways to keep answers; the page-walk caches decide whether groups are walked side by side. */
  private static final List<CacheOptions> REGIMES =
      List.of(
          KEEPING,
          KEEPING.withStructures(64, 64, 0),
          KEEPING.withStructures(64, 64, 0).withCounters(),
          KEEPING.withIotlb(1024, 2).withStructures(64, 64, 0),
          KEEPING.withStructures(64, 64, 64));

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    for (int stages = 1; stages <= 3; stages++) {
      boolean first = (stages & 1) != 0;
      boolean second = (stages & 2) != 0;
      for (boolean vtd : new boolean[] {true, false}) {
        MappedPlan plan = MappedPlan.of(vtd, first, second).pages(64, 0, 1);
        plans.add(plan);
        plans.add(plan.flags(true));
        plans.add(plan.cleanPages());
        plans.add(MappedPlan.of(vtd, first, second).pages(2048, 30, 4));
      }
      for (int granule = 14; granule <= 16; granule += 2) {
        MappedPlan plan = MappedPlan.of(false, first, second).pages(512, 0, 1);
        plans.add(plan.stage1(granule, 1, 47).stage2(granule, 1, 47));
        plans.add(plan.stage1(granule, 1, 47).stage2(12, 0, 48));
        plans.add(plan.stage1(12, 0, 48).stage2(granule, 1, 47));
      }
    }
    for (int size = 1; size <= 2; size++) {
      plans.add(MappedPlan.of(true, true, true).sizes(size, 0));
      plans.add(MappedPlan.of(true, true, true).sizes(0, size));
      plans.add(MappedPlan.of(false, true, true).sizes(size, 3 - size).flags(true));
    }
    return plans.stream();
  }

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** One for each regime, by turns with a class of its own and without. */
  private static List<KernelLab.Bench> benches(KernelLab lab, MappedPlan plan)
      throws InterruptedException {
    List<KernelLab.Bench> benches = new ArrayList<>();
    for (CacheOptions options : REGIMES) {
      benches.add(lab.inTheRoom(options, isSpecialised(plan, benches.size())));
    }
    return benches;
  }

  private static boolean isSpecialised(MappedPlan plan, int turn) {
    return (plan.toString().hashCode() + turn & 1) == 0;
  }

  private static void clear(KernelLab.Bench bench) {
    bench.forget();
    Noted.forget(bench.space);
  }

  private static TranslationCache iotlb(KernelLab.Bench bench) {
    return Objects.requireNonNull(bench.iotlb);
  }

  @ParameterizedTest
  @MethodSource("plans")
  void anAnswerIsKeptWithTheRightsThatNeedNoLook(MappedPlan plan) throws InterruptedException {
    KernelLab lab = new KernelLab(plan, arena);
    long[] iovas = lab.machine.addresses(Lanes.COUNT + 3);
    int[] inputSpans =
        plan.first() ? Arrays.stream(iovas).mapToInt(lab::inputSpan).toArray() : new int[0];
    for (KernelLab.Bench bench : benches(lab, plan)) {
      for (int access = 1; access <= 3; access++) {
        if (Translation.isFault(lab.walk(iovas[0], access)) || plan.isClean() && access != 1) {
          continue;
        }
        String where = "%s, %s, access %d".formatted(plan, bench.options, access);
        long[] answers = new long[iovas.length];
        clear(bench);
        for (int i = 0; i < iovas.length; i++) {
          answers[i] = bench.kernel.translate(iovas[i], access);
        }
        kept(lab, bench, iovas, answers, inputSpans, access, plan, where + ", one by one");
        // Last tables are known now, and answers are not.
        iotlb(bench).clear();
        Noted.forgetFractured(bench.space);
        assertEquals(0, bench.kernel.translate(iovas, answers, 0, iovas.length, access), where);
        kept(lab, bench, iovas, answers, inputSpans, access, plan, where + ", side by side");
        // As where another configuration has the same tables, and nothing was answered in this.
        iotlb(bench).clear();
        Noted.forget(bench.space);
        for (int i = 0; i < iovas.length; i++) {
          answers[i] = bench.kernel.translate(iovas[i], access);
        }
        kept(lab, bench, iovas, answers, inputSpans, access, plan, where + ", from known tables");
      }
    }
  }

  private static void kept(
      KernelLab lab,
      KernelLab.Bench bench,
      long[] iovas,
      long[] answers,
      int[] inputSpans,
      int access,
      MappedPlan plan,
      String where) {
    Set<Long> blocks = new HashSet<>();
    int classes = 0;
    int fractured = 0;
    boolean traces = plan.flags() || plan.vtd() && plan.first();
    for (int i = 0; i < iovas.length; i++) {
      assertEquals(lab.walk(iovas[i], access), answers[i], where);
      int span = Translation.spanLog2(answers[i]);
      int sizeClass = AddressSpaces.classOf(span);
      int shift = AddressSpaces.shiftOf(sizeClass);
      int usable = Translation.rights(answers[i]) & (traces ? access | 1 : 3);
      for (int need = 0; need <= 3; need++) {
        long word = iotlb(bench).find(iovas[i], shift, bench.space.translations, sizeClass, need);
        boolean grants = (usable & need) == need;
        assertEquals(grants, word != 0, "need " + need + ", " + where);
        long page = answers[i] & TranslationCache.PAYLOAD & -1L << shift;
        assertEquals(grants ? page : 0, word & TranslationCache.PAYLOAD, where);
        assertEquals(grants ? usable : 0, (int) word & 3, where);
      }
      blocks.add(iovas[i] >>> shift << shift);
      classes |= 1 << sizeClass;
      int input = plan.first() ? inputSpans[i] : span;
      fractured = Math.max(fractured, input > shift ? input : 0);
    }
    Tag tag = bench.space.translations;
    assertEquals(blocks.size(), iotlb(bench).count(tag), () -> "nothing else: " + where);
    assertEquals(classes, bench.space.classes(), () -> "size classes: " + where);
    assertEquals(fractured, Noted.fractured(bench.space), () -> "fractured: " + where);
  }

  /** Bars some pages of the input, or what they lead to, and looks at what it is asked. */
  private static final class Bars implements Barrier {
    private final KernelLab lab;
    private final MappedPlan plan;
    private final int largest;
    private boolean between;
    private boolean inBatch;
    private int asked;

    Bars(KernelLab lab, MappedPlan plan, long[] iovas) {
      this.lab = lab;
      this.plan = plan;
      largest =
          Arrays.stream(iovas)
              .mapToInt(iova -> Translation.spanLog2(lab.walk(iova, 1)))
              .max()
              .orElseThrow();
    }

    /** Whether pages are small, so that last tables are known. */
    boolean sideBySide() {
      return plan.isSmall();
    }

    /** One of four blocks, each as large as the largest page. */
    boolean bars(long input) {
      return (input >>> largest & 3) == 1;
    }

    @Override
    public boolean isFree(long input, long intermediate, int span) {
      asked++;
      long middle = lab.machine.middle() + input - lab.machine.input();
      boolean nested = plan.first() && plan.second();
      if (sideBySide() || !inBatch) {
        // Other pages are tried side by side in vain, with whatever was read.
        assertEquals(nested ? middle : -1, intermediate);
        assertEquals(Translation.spanLog2(lab.walk(input, 1)), span);
      }
      return !bars(between ? intermediate - lab.machine.middle() + lab.machine.input() : input);
    }
  }

  @ParameterizedTest
  @MethodSource("plans")
  void ofABarredAddressNothingIsAnsweredOrKept(MappedPlan plan) throws InterruptedException {
    KernelLab lab = new KernelLab(plan, arena);
    long[] iovas = lab.machine.addresses(Lanes.COUNT);
    List<CacheOptions> regimes = new ArrayList<>(REGIMES);
    regimes.add(CacheOptions.NONE);
    regimes.add(CacheOptions.NONE.withStructures(64, 64, 0));
    int turn = 0;
    for (CacheOptions options : regimes) {
      Bars bars = new Bars(lab, plan, iovas);
      KernelLab.Bench bench = lab.inTheRoom(options, isSpecialised(plan, turn++), bars);
      for (boolean between : new boolean[] {false, plan.first() && plan.second()}) {
        bars.between = between;
        bench.forget();
        refuses(lab, bench, bars, iovas, plan + ", " + options + ", between " + between);
      }
    }
  }

  private static void refuses(
      KernelLab lab, KernelLab.Bench bench, Bars bars, long[] iovas, String where) {
    TranslationCache iotlb = bench.iotlb;
    for (int round = 0; round < 2; round++) {
      for (long iova : iovas) {
        boolean again = iotlb != null && holds(bench, iotlb, iova);
        bars.asked = 0;
        long answer = bench.kernel.translate(iova, 1);
        assertEquals(bars.bars(iova) ? 0 : lab.walk(iova, 1), answer, where);
        assertTrue(again || bars.asked > 0, () -> "asked: " + where);
        assertTrue(iotlb == null || answer != 0 || !holds(bench, iotlb, iova), where);
      }
    }
    bars.inBatch = true;
    free(lab, bench, bars, iovas, where);
    if (iotlb != null) {
      iotlb.clear();
    }
    long[] answers = new long[iovas.length];
    bars.asked = 0;
    int refused = bench.another().translate(iovas, answers, 0, iovas.length, 1);
    for (int i = 0; i < iovas.length; i++) {
      assertEquals(bars.bars(iovas[i]) ? 0 : lab.walk(iovas[i], 1), answers[i], where);
      refused -= answers[i] == 0 ? 1 : 0;
      boolean held = iotlb != null && answers[i] == 0 && holds(bench, iotlb, iovas[i]);
      assertTrue(!held, () -> "kept: " + where);
    }
    bars.inBatch = false;
    assertEquals(0, refused, where);
    assertTrue(bars.asked > 0, where);
  }

  /** Those that are free alone are answered side by side, each asked for once. */
  private static void free(
      KernelLab lab, KernelLab.Bench bench, Bars bars, long[] iovas, String where) {
    long[] some = new long[iovas.length];
    long allowed = 0;
    for (long iova : iovas) {
      allowed = bars.bars(iova) ? allowed : iova;
    }
    assertTrue(allowed != 0, "some page is free");
    for (int i = 0; i < some.length; i++) {
      some[i] = bars.bars(iovas[i]) ? allowed : iovas[i];
    }
    if (bench.iotlb != null) {
      bench.iotlb.clear();
    }
    long[] answers = new long[some.length];
    bars.asked = 0;
    Kernel kernel = bench.another();
    assertEquals(0, kernel.translate(some, answers, 0, some.length, 1), where);
    for (int i = 0; i < some.length; i++) {
      assertEquals(lab.walk(some[i], 1), answers[i], where);
    }
    if (kernel.shape.walksSideBySide() && bars.sideBySide()) {
      assertEquals(some.length, bars.asked, () -> "once for each: " + where);
    }
  }

  private static boolean holds(KernelLab.Bench bench, TranslationCache iotlb, long iova) {
    for (int sizeClass = 0; sizeClass < 4; sizeClass++) {
      int shift = AddressSpaces.shiftOf(sizeClass);
      if (iotlb.find(iova, shift, bench.space.translations, sizeClass, 0) != 0) {
        return true;
      }
    }
    return false;
  }

  static Stream<MappedPlan> nested() {
    return plans().filter(plan -> plan.first() && plan.second());
  }

  /** Whole walks of the second stage, by the page that they lead to. */
  @ParameterizedTest
  @MethodSource("nested")
  void aPageOfTheSecondStageIsKeptWithTheRightsThatNeedNoLook(MappedPlan plan) {
    KernelLab lab = new KernelLab(plan, arena);
    CacheOptions options = CacheOptions.NONE.withStructures(64, 64, 1024);
    long[] iovas = lab.machine.addresses(8);
    if (plan.isSmall() && !plan.flags()) {
      // One page that must not be written.
      TableMemory memory = lab.machine.memory();
      long leaf = lab.leaf(iovas[0]);
      memory.put(leaf, memory.get(leaf) & ~(plan.vtd() ? 2L : 1L << 7));
    }
    for (boolean specialised : new boolean[] {true, false}) {
      CacheOptions counting = specialised ? options.withCounters() : options;
      KernelLab.Bench bench = lab.new Bench(counting, specialised).unspecialised();
      TranslationCache pages = Objects.requireNonNull(bench.structures.nested);
      Tag tag = Objects.requireNonNull(bench.second).structures;
      for (int access = 1; access <= (plan.isClean() ? 1 : 3); access++) {
        bench.forget();
        for (long iova : iovas) {
          long answer = bench.kernel.translate(iova, access);
          boolean refused = Translation.isFault(lab.walk(iova, access));
          assertEquals(refused ? 0 : lab.walk(iova, access), answer);
          if (refused) {
            continue;
          }
          long hits = bench.kernel.counters.nestedHits();
          assertEquals(answer, bench.kernel.translate(iova, access));
          boolean counted = bench.kernel.counters.nestedHits() > hits;
          assertEquals(bench.options.counting(), counted);
          long middle = lab.machine.middle() + iova - lab.machine.input();
          int usable = Translation.rights(answer) & (plan.flags() ? access | 1 : 3);
          for (int need = 0; need <= 3; need++) {
            long word = pages.find(middle, 12, tag, 0, need);
            boolean grants = (usable & need) == need;
            assertEquals(grants, word != 0, plan + ", access " + access + ", need " + need);
            assertEquals(grants ? usable : 0, (int) word & 3);
            long page = Translation.address(answer) & -4096;
            assertEquals(grants ? page : 0, Translation.address(word) & -4096);
          }
        }
      }
    }
  }

  /** What a small cache loses is counted. */
  @ParameterizedTest
  @MethodSource("plans")
  void whatIsDisplacedIsCounted(MappedPlan plan) {
    KernelLab lab = new KernelLab(plan, arena);
    for (CacheOptions options :
        List.of(
            CacheOptions.NONE.withStructures(64, 64, 64).withIotlb(2, 2),
            CacheOptions.NONE.withStructures(64, 64, 0).withIotlb(4, 4))) {
      evicts(lab, lab.new Bench(options.withCounters(), true), plan + ", " + options);
    }
  }

  private static void evicts(KernelLab lab, KernelLab.Bench bench, String where) {
    long[] iovas = lab.machine.addresses(8);
    for (long iova : iovas) {
      long before = bench.kernel.counters.evictions();
      long hits = bench.kernel.counters.hits();
      int count = iotlb(bench).count(bench.space.translations);
      assertTrue(bench.kernel.translate(iova, 1) != 0);
      boolean hit = bench.kernel.counters.hits() > hits;
      boolean more = iotlb(bench).count(bench.space.translations) > count;
      assertEquals(hit || more ? 0 : 1, bench.kernel.counters.evictions() - before, where);
    }
  }
}
