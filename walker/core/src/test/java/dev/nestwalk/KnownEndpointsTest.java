package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A translator's table of requesters: its bound, and that nothing is wrong beyond it. */
class KnownEndpointsTest {
  private static final long PAGE = 0x4040_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final int PASIDS = 64;
  private static final long FLAGS =
      FirstStageTables.P | FirstStageTables.RW | FirstStageTables.US | FirstStageTables.A;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 512);
  private final FirstStageTables[] tables = new FirstStageTables[PASIDS];
  private final Iommu iommu = build();

  /** Device 1 with 64 PASIDs, PASID n in domain n and with its page at OUT + n pages. */
  private Iommu build() {
    VtdMachine machine = new VtdMachine(memory).scalable();
    for (int pasid = 0; pasid < PASIDS; pasid++) {
      tables[pasid] = new FirstStageTables(memory, 4).map(PAGE, OUT + pasid * 4096L, 12, FLAGS);
      point(machine, pasid, pasid);
    }
    return Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  }

  private void point(VtdMachine machine, int pasid, int to) {
    PasidEntry entry = PasidEntry.firstStage(4, tables[to].root());
    machine.pasid(1, pasid, entry.walkSnoop().domain(pasid));
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private Translator bounded(int most) {
    return iommu.newTranslator(CacheOptions.DEFAULT.withEndpoints(most));
  }

  private static long page(long answer) {
    return Translation.isFault(answer) ? -1 : Translation.address(answer) - OUT >>> 12;
  }

  @Test
  void aStrangersPasidsDoNotGrowTheTable() {
    Translator translator = bounded(16);
    int most = 0;
    for (int pasid = 0; pasid < 0x4000; pasid++) {
      int device = pasid & 3;
      long answer = translator.translate(device, pasid, PAGE, Access.READ);
      assertEquals(device == 1 && pasid < PASIDS ? pasid : -1, page(answer));
      most = Math.max(most, translator.spaces.records());
      assertTrue(translator.endpoints.count() <= 16);
    }
    assertTrue(most <= 1 + 16 * 7, most + " records");
  }

  @Test
  void adisplacedEndpointInHandAnswersAndHearsOfInvalidations() {
    Translator translator = bounded(4);
    List<Endpoint> inHand = new ArrayList<>();
    for (int pasid = 0; pasid < PASIDS; pasid++) {
      inHand.add(translator.endpoint(1, pasid));
    }
    SplittableRandom random = new SplittableRandom(1);
    for (int round = 0; round < 2000; round++) {
      int pasid = random.nextInt(PASIDS);
      if (random.nextInt(8) == 0) {
        long leaf = tables[pasid].entryAddress(PAGE, 1);
        memory.put(leaf, memory.get(leaf) ^ 0x10_0000);
        switch (random.nextInt(3)) {
          case 0 -> iommu.vtdInvalidations().pasidIotlbPages(pasid, pasid, PAGE, 0, true);
          case 1 -> iommu.vtdInvalidations().pasidIotlb(pasid, pasid);
          default -> iommu.vtdInvalidations().iotlbDomain(pasid);
        }
      }
      long expected = (memory.get(tables[pasid].entryAddress(PAGE, 1)) & ~0xfffL) - OUT >>> 12;
      assertEquals(expected, page(inHand.get(pasid).translate(PAGE + round % 4096, Access.READ)));
      assertTrue(translator.endpoints.count() <= 4);
    }
  }

  @Test
  void whatIsUsedAgainAndAgainStays() {
    Translator translator = bounded(8);
    Endpoint often = translator.endpoint(1, 5);
    for (int i = 0; i < 1000; i++) {
      translator.endpoint(1, 6 + i % 50).translate(PAGE, Access.READ);
      assertSame(often, translator.endpoint(1, 5));
    }
  }

  @Test
  void aForgottenRequesterIsMadeAnewAndTheOldOneStillWorks() {
    Translator translator = bounded(100);
    Endpoint old = translator.endpoint(1, 5);
    assertEquals(5, page(old.translate(PAGE, Access.READ)));
    int records = translator.spaces.records();
    assertTrue(translator.forget(1, 5));
    assertFalse(translator.forget(1, 5));
    assertTrue(translator.spaces.records() < records);
    Endpoint made = translator.endpoint(1, 5);
    assertNotSame(old, made);
    memory.put(tables[5].entryAddress(PAGE, 1), OUT + 9 * 4096 | FLAGS);
    iommu.vtdInvalidations().pasidIotlb(5, 5);
    assertEquals(9, page(old.translate(PAGE, Access.READ)));
    assertEquals(9, page(made.translate(PAGE, Access.READ)));
    for (int i = 0; i < 1000; i++) {
      translator.forget(1, 5);
      assertEquals(9, page(old.translate(PAGE, Access.READ)));
    }
    assertEquals(1, translator.endpoints.count());
    assertThrows(IllegalArgumentException.class, () -> translator.forget(0x1_0000, -1));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aForgottenNestedRequesterLeavesNoRecordsOfEitherStage(boolean vtd) {
    Iommu nested;
    int source;
    long address;
    if (vtd) {
      VtdLab lab = new VtdLab(arena);
      lab.nested();
      nested = Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW);
      source = VtdLab.SOURCE;
      address = VtdLab.IOVA;
    } else {
      SmmuLab lab = new SmmuLab(arena);
      nested = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
      source = SmmuLab.NESTED;
      address = SmmuLab.ADDRESS;
    }
    Translator translator = nested.newTranslator();
    int before = translator.spaces.records();
    for (int i = 0; i < 3; i++) {
      assertFalse(Translation.isFault(translator.translate(source, -1, address, Access.READ)));
      assertTrue(translator.spaces.records() > before);
      assertTrue(translator.forget(source, -1));
      assertEquals(before, translator.spaces.records());
    }
  }

  @Test
  void aTableWithoutRoomIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> CacheOptions.DEFAULT.withEndpoints(0));
  }

  /** The configuration of the state that is not in force is given back too. */
  @Test
  void aForgottenRequesterOfAUnitThatWasOffLeavesNoRecords() {
    Translator translator = iommu.newTranslator();
    int before = translator.spaces.records();
    for (long status : new long[] {0, 1L << 31, 0, 1L << 31}) {
      iommu.reconfigure(Map.of("GSTS", status), true);
      long answer = translator.translate(1, -1, PAGE, Access.READ);
      assertEquals(status == 0 ? PAGE : OUT, Translation.address(answer));
    }
    assertTrue(translator.spaces.records() > before);
    assertTrue(translator.forget(1, -1));
    assertEquals(before, translator.spaces.records());
  }
}
