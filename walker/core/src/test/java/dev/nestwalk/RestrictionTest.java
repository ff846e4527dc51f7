package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A translator beside a set of reserved addresses: what is refused, what is kept, what it costs.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class RestrictionTest {
  private static final long INPUT = 0x4000_0000L;
  private static final long GUEST = 0x8000_0000L;
  private static final long OUTPUT = 0x1_0000_0000L;
  private static final int SOURCE = 1;

  private static final Region DOORBELL =
      new Region(INPUT + 0x5_0000, INPUT + 0x5_ffff, RegionKind.MSI);
  private static final Region ODD =
      new Region(INPUT + 0x20_0123, INPUT + 0x20_0fff, RegionKind.RESERVED);
  private static final RegionSet SET = RegionSet.of(List.of(DOORBELL, ODD));

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
  private final Iommu iommu = nested();

  /** What translates. */
  enum Caches {
    UNCACHED,
    NONE,
    DEFAULT,
    COUNTING
  }

  /** 4 MiB of input, through 2 MiB pages of both stages. */
  private Iommu nested() {
    VtdMachine machine = new VtdMachine(memory).scalable();
    SecondStageTables second = new SecondStageTables(memory, 4);
    GuestSpace guest = new GuestSpace(memory, second, 0x100_0000_0000L);
    FirstStageTables first = new FirstStageTables(guest, 4);
    long flags =
        FirstStageTables.P
            | FirstStageTables.RW
            | FirstStageTables.US
            | FirstStageTables.A
            | FirstStageTables.D;
    for (long offset = 0; offset < 4L << 20; offset += 2L << 20) {
      first.map(INPUT + offset, GUEST + offset, 21, flags);
      second.map(GUEST + offset, OUTPUT + offset, 21, 3);
    }
    machine.pasid(SOURCE, 0, PasidEntry.nested(first, second).walkSnoop());
    return Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private Translator translator(Caches caches) {
    return switch (caches) {
      case UNCACHED -> iommu.newUncachedTranslator();
      case NONE -> iommu.newTranslator(CacheOptions.NONE);
      case DEFAULT -> iommu.newTranslator();
      case COUNTING -> iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    };
  }

  private static long ask(Translator translator, long offset) {
    return translator.translate(SOURCE, -1, INPUT + offset, Access.READ);
  }

  @ParameterizedTest
  @EnumSource
  void reservedAddressesAreRefusedWithTheirKindAndOthersTranslated(Caches caches) {
    iommu.restrict(SOURCE, -1, SET, RegionSet.EMPTY);
    Translator translator = translator(caches);
    SplittableRandom random = new SplittableRandom(3);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      long offset = random.nextInt(2) == 0 ? random.nextInt(4 << 20) : near(random);
      long answer = ask(translator, offset);
      RegionKind kind = SET.kindAt(INPUT + offset);
      if (kind != null) {
        refused++;
        Outcome expected = kind == RegionKind.MSI ? Outcome.RESERVED_MSI : Outcome.RESERVED;
        assertEquals(expected.packed(), answer);
        assertEquals(INPUT + offset, translator.lastFault().iova());
      } else {
        assertEquals(OUTPUT + offset, Translation.address(answer), Translation.describe(answer));
        assertTrue(SET.isBlockFree(INPUT + offset, Translation.spanLog2(answer)));
      }
    }
    assertTrue(refused > 1000, refused + " refused");
  }

  private static long near(SplittableRandom random) {
    long around = random.nextInt(2) == 0 ? 0x5_8000 : 0x20_0800;
    return around - 0x1_0000 + random.nextInt(0x2_0000);
  }

  @Test
  void aBatchAnswersAsSingleTranslations() {
    iommu.restrict(SOURCE, -1, SET, RegionSet.EMPTY);
    long[] iovas = new SplittableRandom(5).longs(500, INPUT, INPUT + 0x10_0000).toArray();
    long[] answers = new long[iovas.length];
    for (Caches caches : Caches.values()) {
      Translator translator = translator(caches);
      translator.endpoint(SOURCE, -1).translate(iovas, answers, 0, 500, Access.READ);
      for (int i = 0; i < iovas.length; i++) {
        boolean reserved = SET.isReserved(iovas[i]);
        long expected = reserved ? Outcome.RESERVED_MSI.code() : iovas[i] - INPUT + OUTPUT;
        assertEquals(
            expected,
            reserved ? Translation.code(answers[i]) : Translation.address(answers[i]),
            caches + ": " + Translation.describe(answers[i]));
      }
    }
  }

  @Test
  void rangesEndWhereAReservedRegionBegins() {
    iommu.restrict(SOURCE, -1, SET, RegionSet.EMPTY);
    DmaRuns runs = new DmaRuns(8);
    Endpoint endpoint = iommu.newTranslator().endpoint(SOURCE, -1);
    assertEquals(0x5_0000, endpoint.translateRange(INPUT, 1 << 20, Access.READ, runs));
    assertEquals(Outcome.RESERVED_MSI.packed(), runs.refusal());
    assertEquals(
        0x123, endpoint.translateRange(INPUT + 0x20_0000, 0x1000, Access.READ, runs), "in a page");
    assertNull(endpoint.slice(INPUT + 0x4_f000, 0x2000, Access.READ));
  }

  @Test
  void nearRegionsHitsAreHitsInASmallerSize() {
    iommu.restrict(SOURCE, -1, SET, RegionSet.EMPTY);
    Translator translator = translator(Caches.COUNTING);
    ask(translator, 0x6_0000);
    ask(translator, 0x6_0008);
    assertEquals(1, translator.counters().hits());
    ask(translator, 0x20_0100);
    ask(translator, 0x20_0100);
    assertEquals(1, translator.counters().hits(), "a page with a reserved part is never kept");
  }

  @Test
  void aChangedSetTakesEffectAtOnce() throws InterruptedException {
    Translator translator = iommu.newTranslator();
    assertEquals(OUTPUT + 0x5_0000, Translation.address(ask(translator, 0x5_0000)));
    iommu.restrict(SOURCE, -1, SET, RegionSet.EMPTY);
    iommu.sync();
    assertEquals(Outcome.RESERVED_MSI.packed(), ask(translator, 0x5_0000));
    iommu.restrict(SOURCE, -1, RegionSet.of(List.of(ODD)), RegionSet.EMPTY);
    assertEquals(OUTPUT + 0x5_0000, Translation.address(ask(translator, 0x5_0000)));
    assertEquals(Outcome.RESERVED.packed(), ask(translator, 0x20_0800));
    iommu.restrict(SOURCE, -1, RegionSet.EMPTY, RegionSet.EMPTY);
    assertEquals(OUTPUT + 0x20_0800, Translation.address(ask(translator, 0x20_0800)));
  }

  @Test
  void anotherRequesterOfTheSameTablesIsNotBarredByTheCaches() {
    Translator translator = iommu.newTranslator();
    assertEquals(OUTPUT + 0x5_0000, Translation.address(ask(translator, 0x5_0000)));
    iommu.restrict(SOURCE, 0, SET, RegionSet.EMPTY);
    assertEquals(OUTPUT + 0x5_0000, Translation.address(ask(translator, 0x5_0000)));
    iommu.restrict(SOURCE, -1, SET, RegionSet.EMPTY);
    assertEquals(Outcome.RESERVED_MSI.packed(), ask(translator, 0x5_0000));
  }

  @ParameterizedTest
  @EnumSource
  void intermediateAddressesAreJudgedBetweenTheStages(Caches caches) {
    Region window = new Region(GUEST + 0x8_0000, GUEST + 0x8_ffff, RegionKind.SW_MSI);
    iommu.restrict(SOURCE, -1, RegionSet.EMPTY, RegionSet.of(List.of(window)));
    Translator translator = translator(caches);
    for (int round = 0; round < 2; round++) {
      assertEquals(Outcome.RESERVED_SW_MSI.packed(), ask(translator, 0x8_1234));
      assertEquals(GUEST + 0x8_1234, translator.lastFault().intermediate());
      assertEquals(OUTPUT + 0x7_f000, Translation.address(ask(translator, 0x7_f000)));
      assertEquals(OUTPUT + 0x9_0000, Translation.address(ask(translator, 0x9_0000)));
    }
  }
}
