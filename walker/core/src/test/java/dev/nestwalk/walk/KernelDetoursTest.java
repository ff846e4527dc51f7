package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.walk.KernelPathsTest.Watched;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ways of the fast walk that it seldom goes, told by what it reads, counts and leaves undone. */
class KernelDetoursTest {
  private static final CacheOptions TABLES = CacheOptions.NONE.withStructures(64, 64, 0);
  private static final int MOST = Integer.getInteger("nestwalk.cache.bytes", 4 << 20) / 8;
  private static final long PAGE = 4096;
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;

  private final Arena arena = Arena.ofShared();

  @AfterEach
  void close() {
    arena.close();
  }

  static Stream<MappedPlan> nested() {
    return Stream.of(true, false).map(vtd -> MappedPlan.of(vtd, true, true));
  }

  /** The last table of the first stage is known, and that of the second is not. */
  @ParameterizedTest
  @MethodSource("nested")
  void aSecondStageIsWalkedBehindAKnownFirst(MappedPlan plan) throws InterruptedException {
    Watched watched = new Watched(plan, arena);
    long[] iovas = watched.lab().machine.addresses(4);
    for (KernelLab.Bench bench : KernelPathsTest.inTheRoom(watched.lab(), TABLES.withCounters())) {
      WalkCounters counters = bench.kernel.counters;
      bench.kernel.translate(iovas[0], 1);
      for (long iova : iovas) {
        Objects.requireNonNull(bench.structures.second).clear();
        long expected = watched.lab().walk(iova, 1);
        watched.memory().reset();
        long firsts = counters.firstStageHits();
        long seconds = counters.secondStageHits();
        long references = counters.references();
        assertEquals(expected, bench.kernel.translate(iova, 1));
        assertEquals(1, counters.firstStageHits() - firsts);
        assertEquals(0, counters.secondStageHits() - seconds);
        assertEquals(5, watched.memory().loads(), "an entry, and four of the second stage");
        assertEquals(5, counters.references() - references);
      }
    }
  }

  /** Whole walks that could not be made side by side are made one by one for fifteen groups. */
  @ParameterizedTest
  @MethodSource("nested")
  void afterARefusedGroupFifteenAreWalkedOneByOne(MappedPlan plan) throws InterruptedException {
    KernelLab lab = new KernelLab(plan, arena);
    long[] iovas = lab.machine.addresses(Lanes.COUNT);
    long[] wrong = iovas.clone();
    wrong[7] = 1L << 50;
    for (CacheOptions options : List.of(CacheOptions.NONE, TABLES)) {
      for (boolean specialised : new boolean[] {true, false}) {
        Kernel kernel = lab.inTheRoom(options, specialised).kernel;
        long[] answers = new long[iovas.length];
        kernel.translate(iovas, answers, 0, iovas.length, 1);
        assertEquals(1, kernel.translate(wrong, answers, 0, iovas.length, 1));
        for (int group = 0; group < 20; group++) {
          Arrays.fill(kernel.caches.lanes.hosts, -1);
          assertEquals(0, kernel.translate(iovas, answers, 0, iovas.length, 1));
          boolean alone = kernel.shape.isBare() && group < 15;
          long host = alone ? -1 : Translation.address(answers[3]);
          assertEquals(host, kernel.caches.lanes.hosts[3], plan + ", group " + group);
        }
      }
    }
  }

  /** Four addresses in a set of four, of which one has the place that all prefer. */
  @ParameterizedTest
  @MethodSource("nested")
  void aBatchFindsWhatWasDisplacedWithinItsSet(MappedPlan plan) throws InterruptedException {
    Watched watched = new Watched(plan, arena);
    long base = watched.lab().machine.input();
    long[] iovas = {base, base + 4 * PAGE, base + 8 * PAGE, base + 12 * PAGE};
    for (KernelLab.Bench bench : KernelPathsTest.inTheRoom(watched.lab(), TABLES.withIotlb(4, 4))) {
      for (long iova : iovas) {
        bench.kernel.translate(iova, 1);
      }
      watched.memory().reset();
      long[] answers = new long[iovas.length];
      assertEquals(0, bench.kernel.translate(iovas, answers, 0, iovas.length, 1));
      assertEquals(0, watched.memory().loads(), () -> "all kept: " + plan);
    }
  }

  /** Pages of the second stage are kept although no tables are. */
  @ParameterizedTest
  @MethodSource("nested")
  void pagesOfTheSecondStageAreKeptWithoutTables(MappedPlan plan) {
    Watched watched = new Watched(plan, arena);
    CacheOptions pages = CacheOptions.NONE.withStructures(0, 0, 64);
    for (boolean specialised : new boolean[] {true, false}) {
      KernelLab.Bench bench = watched.lab().new Bench(pages, specialised).unspecialised();
      for (long iova : watched.lab().machine.addresses(4)) {
        assertEquals(watched.lab().walk(iova, 1), bench.kernel.translate(iova, 1));
        watched.memory().reset();
        bench.kernel.translate(iova, 1);
        assertEquals(4, watched.memory().loads(), "the entries of the first stage");
      }
    }
  }

  /** Caches of two sizes, and such as find no room among the others. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void tablesAreKnownWhereverTheirCachesAre(boolean vtd) {
    Watched watched = new Watched(MappedPlan.of(vtd, true, true).pages(16, 0, 512), arena);
    List<CacheOptions> sizes =
        List.of(
            CacheOptions.NONE.withStructures(32, 1024, 0),
            CacheOptions.NONE.withStructures(1024, 64, 0),
            CacheOptions.NONE.withStructures(MOST, 64, 0),
            CacheOptions.NONE.withStructures(64, MOST, 0));
    for (CacheOptions options : sizes) {
      boolean own = options.firstStageEntries() == MOST || options.secondStageEntries() == MOST;
      for (boolean specialised : new boolean[] {true, false}) {
        KernelLab.Bench bench = watched.lab().new Bench(options, specialised).unspecialised();
        assertTrue(!own || !bench.kernel.caches.isUsual(), "too large for the room");
        long iova = watched.lab().machine.input() + 3 * 512 * PAGE;
        assertEquals(watched.lab().walk(iova, 1), bench.kernel.translate(iova, 1));
        watched.memory().reset();
        bench.kernel.translate(iova, 1);
        assertEquals(2, watched.memory().loads(), () -> "an entry for each stage: " + options);
      }
    }
  }

  /**
   * Tables of 16 and 64 KiB, by pages of 4 KiB of the second stage: each page is known by itself.
   */
  @ParameterizedTest
  @ValueSource(ints = {14, 16})
  void aTableThatPagesBelowDivideIsKnownInPieces(int granule) throws InterruptedException {
    MappedPlan plan = MappedPlan.of(false, true, true).stage1(granule, 1, 47);
    Watched watched = new Watched(plan.pages(3 * 512 << granule - 12, 0, 1), arena);
    KernelLab lab = watched.lab();
    long piece = 512L << granule;
    // The entries of the first piece's tables have the same place in the cache.
    long base = lab.machine.input() + piece;
    CacheOptions tables = CacheOptions.NONE.withStructures(64, 1024, 0);
    for (CacheOptions options : List.of(tables, tables.withCounters())) {
      for (KernelLab.Bench bench : KernelPathsTest.inTheRoom(lab, options)) {
        for (long start : new long[] {base, base + piece}) {
          long end = start + piece - PAGE;
          reads(watched, bench, start);
          assertTrue(reads(watched, bench, end) > 2, "another table of the second stage");
          assertEquals(2, reads(watched, bench, end), () -> "an entry for each stage: " + plan);
          assertEquals(2, reads(watched, bench, start), () -> "an entry for each stage: " + plan);
        }
        assertTrue(bench.kernel.shape.walksSideBySide());
        long[] iovas = new long[Lanes.COUNT];
        Arrays.setAll(iovas, lane -> base + (lane & 1) * piece + lane * PAGE);
        long[] answers = new long[iovas.length];
        watched.memory().reset();
        assertEquals(0, bench.kernel.translate(iovas, answers, 0, iovas.length, 1));
        assertEquals(2 * Lanes.COUNT, watched.memory().loads(), () -> "side by side: " + plan);
        for (int lane = 0; lane < iovas.length; lane++) {
          assertEquals(lab.walk(iovas[lane], 1), answers[lane]);
        }
      }
    }
  }

  /** Two pages in each of two pieces of one table of the level above the last tables. */
  @ParameterizedTest
  @ValueSource(ints = {14, 16})
  void theTableAboveIsKnownInPiecesToo(int granule) throws InterruptedException {
    MappedPlan plan = MappedPlan.of(false, true, true).stage1(granule, 1, 47);
    long piece = 1L << granule + granule - 3 + 9;
    // What a piece of a last table maps: each address has another one.
    long apart = 512L << granule;
    long base = 3 * piece - 2 * apart;
    Watched watched = new Watched(plan.input(base).pages(4, 0, (int) (apart / PAGE)), arena);
    CacheOptions tables = CacheOptions.NONE.withStructures(1024, 1024, 0).withCounters();
    for (KernelLab.Bench bench : KernelPathsTest.inTheRoom(watched.lab(), tables)) {
      for (int i = 0; i < 4; i++) {
        long before = bench.kernel.counters.firstStageHits();
        reads(watched, bench, base + i * apart);
        long hits = bench.kernel.counters.firstStageHits() - before;
        assertEquals(i & 1, hits, () -> "the second of each piece begins there: " + plan);
      }
    }
  }

  /** Number of entries that an answer takes. */
  private static long reads(Watched watched, KernelLab.Bench bench, long iova) {
    long expected = watched.lab().walk(iova, 1);
    assertFalse(Translation.isFault(expected));
    watched.memory().reset();
    assertEquals(expected, bench.kernel.translate(iova, 1));
    return watched.memory().loads();
  }

  /** A table of 16 KiB whose second half is elsewhere, by pages of 4 KiB of the second stage. */
  @Test
  void thePiecesOfATableMayLieApart() throws InterruptedException {
    MappedPlan plan = MappedPlan.of(false, true, true).stage1(14, 1, 47).pages(4096, 0, 1);
    KernelLab lab = new KernelLab(plan, arena);
    TableMemory memory = lab.machine.memory();
    long base = lab.machine.input();
    long iova = base + 700 * 4 * PAGE;
    long page = lab.leafOfFirst(iova) & -PAGE;
    assertNotEquals(page, lab.leafOfFirst(base) & -PAGE, "another page of the same table");
    long elsewhere = memory.allocate();
    for (long at = 0; at < PAGE; at += 8) {
      memory.put(elsewhere + at, memory.get(page + at));
      memory.put(page + at, 0);
    }
    int moved = 0;
    for (int i = 0; i < memory.pagesUsed(); i++) {
      for (long at = memory.page(i); at < memory.page(i) + PAGE; at += 8) {
        long word = memory.get(at);
        // A leaf of the second stage: MemAttr and S2AP are set.
        if (!lab.machine.isConfiguration(i) && (word & ADDRESS | 0xfff) == (page | 0xfff)) {
          boolean leaf = (word & 0xff) == 0xff;
          memory.put(at, leaf ? word & ~ADDRESS | elsewhere : word);
          moved += leaf ? 1 : 0;
        }
      }
    }
    assertEquals(1, moved, "mapped once");
    for (CacheOptions options : List.of(CacheOptions.NONE, TABLES)) {
      for (boolean specialised : new boolean[] {true, false}) {
        KernelLab.Bench bench = lab.inTheRoom(options, specialised);
        for (long one : new long[] {base, iova, base, iova}) {
          assertFalse(Translation.isFault(lab.walk(one, 1)));
          assertEquals(lab.walk(one, 1), bench.kernel.translate(one, 1), options.toString());
        }
      }
    }
  }
}
