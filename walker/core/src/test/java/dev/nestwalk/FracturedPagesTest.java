package dev.nestwalk;

import static dev.nestwalk.VtdLab.GUEST_PAGE;
import static dev.nestwalk.VtdLab.PAGE;
import static dev.nestwalk.VtdLab.PASID;
import static dev.nestwalk.VtdLab.SOURCE;
import static dev.nestwalk.VtdLab.USER_PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A large page that is kept in pieces, since the stage below has small ones or since interrupts lie
 * within it, is dropped whole by an invalidation of any of its addresses; so it is where the walk
 * by all rules kept it, because it had flags to set.
 */
final class FracturedPagesTest {
  private static final int DOMAIN = 5;

  /** PASID-based IOTLB invalidation of one page of PASID 3. */
  private static final long OF_PAGE = (long) PASID << 32 | DOMAIN << 16 | 3 << 4 | 6;

  private static final long LARGE = 0x4060_0000L;
  private static final long AROUND_INTERRUPTS = 0xfee0_0000L;

  private final Arena arena = Arena.ofConfined();
  private final VtdLab lab = new VtdLab(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  private Iommu unit() {
    // PSI, MAMV = 18.
    lab.machine.register("CAP", VtdMachine.CAP | 1L << 39 | 18L << 48);
    return Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW);
  }

  private static boolean isMiss(Translator translator, Endpoint endpoint, long iova) {
    long before = translator.counters().misses();
    endpoint.translate(iova, Access.READ);
    return translator.counters().misses() != before;
  }

  @Test
  void byTheStageBelow() {
    VtdLab.Nested nested = lab.nested();
    nested.second().map(GUEST_PAGE + 4096, PAGE + 4096, 12, 3);
    nested.first().map(LARGE, GUEST_PAGE, 21, USER_PAGE & ~FirstStageTables.A);
    Iommu unit = unit();
    Translator translator = unit.newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint endpoint = translator.endpoint(SOURCE, PASID);
    assertTrue(isMiss(translator, endpoint, LARGE));
    assertFalse(isMiss(translator, endpoint, LARGE));
    // Beside the one that is kept.
    assertEquals(0, unit.vtdInvalidations().submit(OF_PAGE, LARGE + 4096, 0, 0));
    assertTrue(isMiss(translator, endpoint, LARGE));
  }

  @Test
  void byInterruptsWithinIt() {
    long beside = AROUND_INTERRUPTS + (1 << 20);
    FirstStageTables tables = lab.first();
    // Kept by the walk by all rules if A is clear, otherwise by the fast walk.
    for (long flags : new long[] {USER_PAGE, USER_PAGE & ~FirstStageTables.A}) {
      tables.map(AROUND_INTERRUPTS, PAGE, 21, flags);
      Iommu unit = unit();
      Translator translator = unit.newTranslator(CacheOptions.DEFAULT.withCounters());
      Endpoint endpoint = translator.endpoint(SOURCE, -1);
      assertTrue(isMiss(translator, endpoint, beside));
      assertFalse(isMiss(translator, endpoint, beside));
      assertEquals(0, unit.vtdInvalidations().submit(OF_PAGE, AROUND_INTERRUPTS, 0, 0));
      assertTrue(isMiss(translator, endpoint, beside));
    }
  }

  @Test
  void pagesThatAreWholeAreDroppedByTheirOwnAddressesAlone() {
    lab.first().map(LARGE, PAGE, 21, USER_PAGE & ~FirstStageTables.A);
    FirstStageTables small = new FirstStageTables(lab.memory, 4);
    small.map(LARGE, PAGE, 12, USER_PAGE & ~FirstStageTables.A);
    lab.machine.pasid(SOURCE, PASID + 1, VtdLab.firstEntry(small).domain(DOMAIN));
    Iommu unit = unit();
    Translator translator = unit.newTranslator(CacheOptions.DEFAULT.withCounters());
    // The larger page first: what was noted of it is none of the smaller one's business.
    translator.endpoint(SOURCE, PASID).translate(LARGE, Access.READ);
    Endpoint endpoint = translator.endpoint(SOURCE, PASID + 1);
    assertTrue(isMiss(translator, endpoint, LARGE));
    long beside = OF_PAGE + (1L << 32);
    assertEquals(0, unit.vtdInvalidations().submit(beside, LARGE + 4096, 0, 0));
    assertFalse(isMiss(translator, endpoint, LARGE));
    assertEquals(0, unit.vtdInvalidations().submit(beside, LARGE, 0, 0));
    assertTrue(isMiss(translator, endpoint, LARGE));
  }

  @Test
  void byInterruptsWithinAPageOfTheSecondStage() {
    long beside = AROUND_INTERRUPTS + (1 << 20);
    // With flags to set, the first request is the full walk's; without, the fast walk's.
    for (boolean flags : new boolean[] {false, true}) {
      SecondStageTables tables = lab.second().map(AROUND_INTERRUPTS, PAGE, 21, 3);
      PasidEntry entry = VtdLab.secondEntry(tables);
      lab.pasid(flags ? entry.secondStageFlags() : entry);
      Iommu unit = unit();
      Translator translator = unit.newTranslator(CacheOptions.DEFAULT.withCounters());
      Endpoint endpoint = translator.endpoint(SOURCE, -1);
      assertTrue(isMiss(translator, endpoint, beside));
      assertFalse(isMiss(translator, endpoint, beside));
      // IOTLB invalidation of one page of the domain.
      long low = (long) DOMAIN << 16 | 3 << 4 | 2;
      assertEquals(0, unit.vtdInvalidations().submit(low, AROUND_INTERRUPTS, 0, 0));
      assertTrue(isMiss(translator, endpoint, beside));
    }
  }
}
