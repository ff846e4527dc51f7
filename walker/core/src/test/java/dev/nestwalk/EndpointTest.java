package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two requesters in two domains, second stage only; what caches keep and what they drop. */
class EndpointTest {
  private static final int ONE = 1;
  private static final int TWO = 2;
  private static final long PAGE = 0x4040_0000L;
  private static final long BIG = 0x4060_0000L;
  private static final long OUT = 0x8000_0000L;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 256);
  private final SecondStageTables[] tables = new SecondStageTables[3];
  private Iommu iommu = build();
  private Translator translator = iommu.newTranslator();
  private Endpoint first = translator.endpoint(ONE, -1);
  private Endpoint second = translator.endpoint(TWO, -1);

  private Iommu build() {
    VtdMachine machine = new VtdMachine(memory).scalable();
    for (int source = ONE; source <= TWO; source++) {
      tables[source] = new SecondStageTables(memory, 4);
      for (int page = 0; page < 512; page++) {
        tables[source].map(PAGE + page * 4096L, OUT + page * 4096L, 12, 3);
      }
      tables[source].map(BIG, OUT + (2L << 20), 21, 3);
      machine.pasid(
          source, 0, PasidEntry.secondStage(2, tables[source].root()).domain(10 * source));
    }
    return Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  }

  @BeforeEach
  void counting() {
    translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    first = translator.endpoint(ONE, -1);
    second = translator.endpoint(TWO, -1);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private void fill() {
    for (Endpoint endpoint : new Endpoint[] {first, second}) {
      for (int page = 0; page < 8; page++) {
        endpoint.translate(PAGE + page * 4096L, Access.READ);
      }
      endpoint.translate(BIG, Access.READ);
    }
  }

  /** Which of the nine translations of an endpoint are no longer there: bit 8 is the big page. */
  private int missing(Endpoint endpoint) {
    int missing = 0;
    for (int page = 0; page <= 8; page++) {
      long misses = translator.counters().misses();
      endpoint.translate(page == 8 ? BIG + 0x1234 : PAGE + page * 4096L, Access.READ);
      missing |= (int) (translator.counters().misses() - misses) << page;
    }
    return missing;
  }

  private void assertDropped(int ofFirst, int ofSecond) {
    assertEquals(Integer.toBinaryString(ofFirst), Integer.toBinaryString(missing(first)));
    assertEquals(Integer.toBinaryString(ofSecond), Integer.toBinaryString(missing(second)));
  }

  @Test
  void whatWasTranslatedOnceIsAHit() {
    fill();
    assertDropped(0, 0);
  }

  @Test
  void whatHasToLeaveForOthersIsCounted() {
    translator = iommu.newTranslator(CacheOptions.DEFAULT.withIotlb(4, 4).withCounters());
    first = translator.endpoint(ONE, -1);
    for (int page = 0; page < 7; page++) {
      first.translate(PAGE + page * 4096L, Access.READ);
    }
    assertEquals(3, translator.counters().evictions());
    assertTrue(translator.counters().toString().contains("evictions 3"));
  }

  /** Of a batch of any length, hits, misses and refusals among them. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 15, 16, 17, 48, 64, 65, 200})
  void answersMayTakeThePlacesOfTheirAddresses(int count) {
    long[] iovas = new long[count];
    for (int i = 0; i < count; i++) {
      long page = PAGE + i * 37 % 512 * 4096L + i;
      iovas[i] = i % 5 == 3 ? 0x1_0000_0000L + i * 4096L : i % 7 == 2 ? BIG + i * 8L : page;
    }
    CacheOptions all = CacheOptions.DEFAULT;
    CacheOptions none = CacheOptions.NONE;
    for (CacheOptions options :
        List.of(all, all.withCounters(), none, none.withStructures(64, 64, 0))) {
      Translator one = iommu.newTranslator(options);
      Translator other = iommu.newTranslator(options);
      Endpoint apart = one.endpoint(ONE, -1);
      Endpoint inPlace = other.endpoint(ONE, -1);
      for (int round = 0; round < 3; round++) {
        long[] answers = new long[count];
        int refused = apart.translate(iovas, answers, 0, count, Access.READ);
        long[] both = iovas.clone();
        assertEquals(refused, inPlace.translate(both, both, 0, count, Access.READ));
        assertArrayEquals(answers, both, options::toString);
        assertEquals(one.lastFault().iova(), other.lastFault().iova(), "the refused address");
      }
    }
  }

  @Test
  void anAccessWithoutRightsIsRefusedAlsoWhereThePageIsKept() {
    Endpoint device = iommu.newTranslator().endpoint(ONE, -1);
    device.translate(PAGE, Access.READ);
    assertFalse(Translation.isFault(device.translate(PAGE, Access.READ)));
    assertThrows(IllegalArgumentException.class, () -> device.translate(PAGE, 0));
  }

  @Test
  void globalInvalidationDropsAll() {
    fill();
    iommu.vtdInvalidations().iotlbGlobal();
    assertDropped(0x1ff, 0x1ff);
  }

  @Test
  void domainInvalidationLeavesTheOtherDomain() {
    fill();
    iommu.vtdInvalidations().iotlbDomain(10);
    assertDropped(0x1ff, 0);
  }

  @Test
  void pageInvalidationDropsThatPageOnly() {
    fill();
    iommu.vtdInvalidations().iotlbPages(20, PAGE + 3 * 4096, 0, true);
    assertDropped(0, 1 << 3);
  }

  @Test
  void maskedInvalidationDropsItsAlignedPages() {
    fill();
    iommu.vtdInvalidations().iotlbPages(10, PAGE + 5 * 4096, 2, true);
    assertDropped(0xf0, 0);
  }

  @Test
  void aLargePageGoesWithAnyOfItsBytes() {
    fill();
    iommu.vtdInvalidations().iotlbPages(10, BIG + 0x7_3000, 0, true);
    assertDropped(0x100, 0);
  }

  @Test
  void anInvalidationLargerThanTheCacheDropsWhatItCoversOnly() {
    fill();
    iommu.vtdInvalidations().iotlbPages(10, 1L << 32, 20, false);
    assertDropped(0, 0);
    iommu.vtdInvalidations().iotlbPages(10, PAGE, 20, false);
    assertDropped(0x1ff, 0);
  }

  @Test
  void configurationInvalidationOfADeviceDropsItsTranslationsAndNoOthers() {
    fill();
    iommu.vtdInvalidations().contextDevice(ONE, 0);
    assertDropped(0x1ff, 0);
  }

  @Test
  void firstStageInvalidationLeavesSecondStageTranslations() {
    fill();
    iommu.vtdInvalidations().pasidIotlb(10, 0);
    assertDropped(0, 0);
  }

  @Test
  void descriptorsAreDecodedAndIllegalOnesRefused() {
    fill();
    var queue = iommu.vtdInvalidations();
    assertEquals(0, queue.submit(0x2 | 2 << 4 | 10L << 16, 0, 0, 0));
    assertDropped(0x1ff, 0);
    assertEquals(4, queue.submit(0x2 | 1L << 8 | 2 << 4 | 20L << 16, 0, 0, 0), "reserved bit 8");
    assertEquals(4, queue.submit(0x2 | 20L << 16, 0, 0, 0), "granularity 0");
    assertEquals(4, queue.submit(0x2 | 2 << 4, 0, 1, 0), "third word");
    assertEquals(3, queue.submit(0xf, 0, 0, 0), "type 15");
    assertEquals(5, queue.submit(0x6 | 2 << 4, 0), "PASID descriptor of 128 bits");
    assertEquals(4, queue.submit(0x2 | 3 << 4 | 20L << 16, 63, 0, 0), "AM beyond MAMV");
    assertDropped(0, 0);
  }

  @Test
  void batchesAnswerAsSingleTranslations() {
    long[] iovas = new long[1000];
    long[] answers = new long[1000];
    for (int i = 0; i < iovas.length; i++) {
      iovas[i] = i % 97 == 0 ? 0x123_4567_0000L : PAGE + (i * 37L % 512) * 4096 + i;
    }
    int refused = first.translate(iovas, answers, 10, 980, Access.WRITE);
    MemorySegment in = MemorySegment.ofArray(iovas);
    MemorySegment out = arena.allocate(8000);
    long refusedInMemory = first.translate(in, out, Access.WRITE);
    int expected = 0;
    for (int i = 10; i < 990; i++) {
      long single = second.translate(iovas[i], Access.WRITE);
      assertEquals(single, answers[i]);
      assertEquals(single, out.getAtIndex(ValueLayout.JAVA_LONG, i));
      expected += Translation.isFault(single) ? 1 : 0;
    }
    assertEquals(expected, refused);
    assertTrue(expected > 5 && refusedInMemory >= expected);
    assertArrayEquals(new long[10], java.util.Arrays.copyOf(answers, 10), "before the range");
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> first.translate(iovas, answers, 999, 2, Access.READ));
  }

  @Test
  void rangesComeAsContiguousRuns() {
    DmaRuns runs = new DmaRuns(4);
    assertEquals(0x20_0000 + 0x1000, first.translateRange(BIG - 0x1000, 0x20_1000, 1, runs));
    assertEquals(1, runs.count(), "the last small page and the big one lie side by side");
    assertEquals(OUT + 511 * 4096L, runs.address(0));
    long covered = first.translateRange(BIG + 0x10_0000, 0x20_0000, 1, runs);
    assertEquals(0x10_0000, covered);
    assertTrue(Translation.isFault(runs.refusal()));
    assertThrows(IllegalArgumentException.class, () -> first.translateRange(-4096, 8192, 1, runs));
  }

  @Test
  void dmaReachesMemoryThroughTheTables() {
    // Two pages lie in reverse order in memory, the third nowhere.
    long low = memory.allocate();
    long high = memory.allocate();
    long at = 0x7000_0000L;
    tables[ONE].map(at, high, 12, 3);
    tables[ONE].map(at + 4096, low, 12, 3);
    tables[ONE].map(at + 8192, 0x7f00_0000L, 12, 3);
    MemorySegment data = arena.allocate(4096);
    for (int i = 0; i < 4096; i++) {
      data.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 31));
    }
    assertEquals(4096, first.write(at + 2048, data));
    MemorySegment back = arena.allocate(4096);
    assertEquals(4096, first.read(at + 2048, back));
    assertEquals(-1, data.mismatch(back));
    assertEquals(data.get(ValueLayout.JAVA_LONG, 2048), memory.get(low));
    assertEquals(data.get(ValueLayout.JAVA_LONG, 0), memory.get(high + 2048));

    assertEquals(2048, first.read(at + 4096 + 2048, back), "then comes what is no memory");
    assertEquals(0x7f00_0000L, Translation.address(first.stoppedBy()));
    assertEquals(0, first.write(at + 16 * 4096L, data), "then comes what is not mapped");
    assertTrue(Translation.isFault(first.stoppedBy()));
  }

  @Test
  void aSliceIsTheMemoryItselfIfItIsContiguous() {
    long low = memory.allocate();
    long high = memory.allocate();
    long at = 0x7000_0000L;
    tables[ONE].map(at, low, 12, 3);
    tables[ONE].map(at + 4096, high, 12, 1);
    tables[ONE].map(at + 8192, low, 12, 3);
    MemorySegment slice = first.slice(at + 8, 8184, Access.READ);
    assertNotNull(slice, "both pages lie side by side");
    memory.put(high, 0x1234_5678L);
    assertEquals(0x1234_5678L, slice.get(ValueLayout.JAVA_LONG, 4088));
    assertNull(first.slice(at, 8192, Access.WRITE), "the second page is read-only");
    assertTrue(Translation.isFault(first.stoppedBy()));
    assertNull(first.slice(at + 4096, 8192, Access.READ), "not contiguous");
    assertThrows(IllegalArgumentException.class, () -> first.slice(at, 0, Access.READ));
  }
}
