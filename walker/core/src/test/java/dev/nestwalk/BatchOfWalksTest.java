package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Walks side by side, in tables of small pages of which a bit is flipped: each address is answered
 * as it is for itself, whatever happens in the lanes beside it.
 */
class BatchOfWalksTest {
  private static final int PAGES = 96;
  private static final int BATCH = 80;

  private final Arena arena = Arena.ofConfined();
  private final Random random = new Random(16);

  @AfterEach
  void close() {
    arena.close();
  }

  static Stream<MappedPlan> plans() {
    return Stream.of(true, false).flatMap(BatchOfWalksTest::plansOf);
  }

  static Stream<MappedPlan> plansOfVtd() {
    return plansOf(true);
  }

  private static Stream<MappedPlan> plansOf(boolean vtd) {
    return Stream.of(
            MappedPlan.of(vtd, true, false),
            MappedPlan.of(vtd, false, true),
            MappedPlan.of(vtd, true, true))
        .map(plan -> plan.pages(PAGES, 0, 1));
  }

  @ParameterizedTest
  @MethodSource("plans")
  void answersAreThoseOfSingleWalks(MappedPlan plan) {
    compareMany(plan);
  }

  @ParameterizedTest
  @MethodSource("plansOfVtd")
  void inputsInTheInterruptRangeToo(MappedPlan plan) {
    compareMany(plan.inputAroundInterrupts());
  }

  @ParameterizedTest
  @MethodSource("plansOfVtd")
  void outputsInTheInterruptRangeToo(MappedPlan plan) {
    compareMany(plan.outputAroundInterrupts());
  }

  private void compareMany(MappedPlan plan) {
    MappedMachine machine = new MappedMachine(plan, arena);
    TableMemory memory = machine.memory();
    Iommu iommu =
        plan.vtd()
            ? Iommu.vtd(Comparison.over(memory), machine.registers(), 46)
            : Iommu.smmuv3(Comparison.over(memory), machine.registers());
    MemorySegment tables = memory.runs().get(0).bytes();
    MemorySegment clean = arena.allocate(tables.byteSize(), 8).copyFrom(tables);
    MemorySegment asked = arena.allocate(tables.byteSize(), 8);
    CacheOptions shortened = CacheOptions.NONE.withStructures(64, 64, 0);
    CacheOptions[] kinds = {CacheOptions.NONE, shortened, CacheOptions.DEFAULT};
    Translator[] lasting = new Translator[kinds.length];
    for (int kind = 0; kind < kinds.length; kind++) {
      lasting[kind] = iommu.newTranslator(kinds[kind]);
    }
    int refused = 0;
    int rewritten = 0;
    for (int round = 0; round < 1000; round++) {
      if (round % 4 != 0) {
        flip(tables);
      }
      asked.copyFrom(tables);
      int access = 1 + random.nextInt(3);
      long[] iovas = addresses(machine.input());
      long[] expected = plainly(iommu, iovas, access);
      if (isRewritten(machine, tables, asked)) {
        // A pointer led to the configuration, in which the walk set a flag: whoever reads that
        // later is answered otherwise, by right.
        rewritten++;
      } else {
        tables.copyFrom(asked);
        int kind = round % kinds.length;
        refused += compare(lasting[kind], iovas, expected, access, round);
        tables.copyFrom(asked);
        compare(iommu.newTranslator(kinds[kind]), iovas, expected, access, round);
      }
      tables.copyFrom(clean);
      everythingChanged(iommu, plan.vtd());
    }
    assertTrue(refused > 300, refused + " refused");
    assertTrue(rewritten < 10, rewritten + " not compared");
  }

  private static boolean isRewritten(
      MappedMachine machine, MemorySegment tables, MemorySegment before) {
    for (int page = 0; page < machine.memory().pagesUsed(); page++) {
      if (machine.isConfiguration(page)) {
        long at = page * 4096L;
        if (MemorySegment.mismatch(tables, at, at + 4096, before, at, at + 4096) >= 0) {
          return true;
        }
      }
    }
    return false;
  }

  private static long[] plainly(Iommu iommu, long[] iovas, int access) {
    Translator plain = iommu.newUncachedTranslator();
    return Arrays.stream(iovas).map(iova -> plain.translate(1, -1, iova, access)).toArray();
  }

  private static int compare(
      Translator translator, long[] iovas, long[] expected, int access, int round) {
    long[] answers = new long[BATCH];
    // Makes tables known where they are kept.
    translator.endpoint(1, -1).translate(iovas[0], access);
    int refused = translator.endpoint(1, -1).translate(iovas, answers, 0, BATCH, access);
    int faults = 0;
    for (int i = 0; i < BATCH; i++) {
      faults += Translation.isFault(expected[i]) ? 1 : 0;
      String where = "round %d: 0x%x".formatted(round, iovas[i]);
      assertEquals(Translation.describe(expected[i]), Translation.describe(answers[i]), where);
    }
    assertEquals(faults, refused);
    return faults;
  }

  private long[] addresses(long input) {
    long[] iovas = new long[BATCH];
    // Of every other batch all pages are there, so that nothing but the bit stands in the way.
    int pages = random.nextBoolean() ? PAGES : PAGES + 2;
    for (int i = 0; i < BATCH; i++) {
      iovas[i] = input + random.nextInt(pages) * 4096L + random.nextInt(4096);
    }
    return iovas;
  }

  /** Flips a bit of a table entry that is not zero. */
  private void flip(MemorySegment tables) {
    while (true) {
      long at = random.nextLong(tables.byteSize() / 8);
      long entry = tables.getAtIndex(ValueLayout.JAVA_LONG, at);
      if (entry != 0) {
        tables.setAtIndex(ValueLayout.JAVA_LONG, at, entry ^ 1L << random.nextInt(64));
        return;
      }
    }
  }

  private static void everythingChanged(Iommu iommu, boolean vtd) {
    if (vtd) {
      iommu.vtdInvalidations().contextGlobal();
      iommu.vtdInvalidations().iotlbGlobal();
    } else {
      iommu.smmuInvalidations().configAll();
      iommu.smmuInvalidations().all();
    }
  }
}
