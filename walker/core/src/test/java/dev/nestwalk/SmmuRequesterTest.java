package dev.nestwalk;

import static dev.nestwalk.SmmuLab.ADDRESS;
import static dev.nestwalk.SmmuLab.BYPASS;
import static dev.nestwalk.SmmuLab.FIRST;
import static dev.nestwalk.SmmuLab.NESTED;
import static dev.nestwalk.SmmuLab.PAGE;
import static dev.nestwalk.SmmuLab.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.smmu.EventCode;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What configures a stream: each bit of its entry and of its CD, SubstreamIDs, two-level tables,
 * and a unit that is off. Walkers and caches agree on each.
 */
final class SmmuRequesterTest {
  private static final int R = Access.READ;
  private static final int W = Access.WRITE;
  private static final long ATS = 1L << 10;

  private final Arena arena = Arena.ofConfined();
  private final SmmuLab lab = new SmmuLab(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  private static void each(SmmuLab lab, int stream, Set<Integer> codes) {
    codes.add(lab.ask(stream, ADDRESS, R).code());
    codes.add(lab.ask(stream, ADDRESS, W).code());
    codes.add(lab.ask(stream, ADDRESS, R | Access.TRANSLATION_REQUEST).code());
    codes.add(lab.ask(stream, PAGE, R | Access.TRANSLATED).code());
    codes.add(lab.ask(stream, -1L << 39, R).code());
    codes.add(lab.ask(stream, 1, ADDRESS, R).code());
  }

  @ParameterizedTest
  @CsvSource({"1, 0", "1, 0x10", "2, 0", "2, 0x10", "3, 0", "3, 0x10", "4, 0"})
  void eachBitOfAStreamTableEntry(int stream, String checks) {
    lab.readOnlyMemory();
    lab.register("IDR0", 0, ATS).register("CR0", 0, Long.decode(checks));
    Set<Integer> codes = new TreeSet<>();
    for (int bit = 0; bit < 256; bit++) {
      lab.flipStream(stream, bit);
      each(lab, stream, codes);
      lab.flipStream(stream, bit);
    }
    assertTrue(codes.contains(EventCode.C_BAD_STE), "kinds of answers: " + codes);
  }

  @ParameterizedTest
  @ValueSource(ints = {FIRST, NESTED})
  void eachBitOfAContextDescriptor(int stream) {
    lab.readOnlyMemory();
    Set<Integer> codes = new TreeSet<>();
    long cd = stream == FIRST ? lab.contexts : lab.guestContexts;
    for (int bit = 0; bit < 192; bit++) {
      long at = cd + bit / 64 * 8L;
      long word = lab.memory.get(at);
      lab.memory.put(at, word ^ 1L << bit % 64);
      each(lab, stream, codes);
      lab.memory.put(at, word);
    }
    assertTrue(codes.contains(EventCode.C_BAD_CD), "kinds of answers: " + codes);
  }

  /** The least capable unit: what is reserved in it is illegal, or does not matter. */
  @ParameterizedTest
  @CsvSource({
    "IDR0, 0xffffffff, 0xb",
    "IDR0, 0x200, 0",
    "IDR0, 0x600000, 0x400000",
    "IDR0, 0x600000, 0x600000",
    "IDR0, 0x3000000, 0x1000000",
    "IDR0, 0x3000000, 0x2000000",
    "IDR0, 0, 0x4000000",
    "IDR0, 0xc0, 0x40",
    "IDR1, 0x7c0, 0",
    "IDR1, 0x4000000, 0",
    "IDR3, 0xffffffff, 0",
    "IDR5, 0x7, 0",
    "IDR5, 0x7, 3",
    "IDR5, 0x60, 0",
  })
  void eachBitUnderOtherCapabilities(String register, String clear, String set) {
    lab.readOnlyMemory();
    lab.register(register, Long.decode(clear), Long.decode(set));
    for (int bit = 0; bit < 256; bit++) {
      int stream = 1 + bit % 3;
      lab.flipStream(stream, bit).ask(stream, ADDRESS, R).flipStream(stream, bit);
      lab.flipStream(NESTED, bit).ask(NESTED, ADDRESS, R).flipStream(NESTED, bit);
    }
    for (int bit = 0; bit < 192; bit++) {
      long at = lab.contexts + bit / 64 * 8L;
      long word = lab.memory.get(at);
      lab.memory.put(at, word ^ 1L << bit % 64);
      lab.ask(FIRST, ADDRESS, R);
      lab.memory.put(at, word);
    }
    lab.ask(FIRST, ADDRESS, R);
    boolean unlike = lab.code() == EventCode.C_BAD_CD || lab.code() == EventCode.C_BAD_STE;
    assertTrue(lab.code() == 0 || unlike, Translation.describe(lab.answer()));
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "0, 1", "0, 2", "1, 0", "1, 1", "1, 2", "2, 0", "2, 1", "2, 2"})
  void substreamsSelectTheirContext(int format, int dss) {
    // Two leaves of 4 KiB, or one of 64 KiB of which an eighth is used.
    int bits = 7;
    long leaves = lab.memory.allocateAligned(format == 2 ? 1 << 16 : 64L << bits);
    long table = leaves;
    if (format != 0) {
      table = lab.memory.allocate();
      lab.memory.put(table, leaves | 1);
      lab.memory.put(table + 8, leaves + 4096 | 1);
    }
    VmsaTables other = new VmsaTables(lab.memory, 12, 1, 39);
    other.map(ADDRESS, PAGE + 4096, 3, SmmuLab.FIRST_PAGE);
    int last = (1 << bits) - 1;
    lab.machine.context(leaves, lab.firstContext());
    lab.machine.context(leaves + 64L, lab.firstContext().clear(31));
    lab.machine.context(leaves + 64L * last, new ContextEntry(48).lower(other));
    lab.machine.stream(FIRST, new StreamEntry(5).stage1(table, bits, format, dss));
    int[] none = {EventCode.F_STREAM_DISABLED, 0, 0};
    assertEquals(none[dss], lab.ask(FIRST, ADDRESS, R).code());
    assertEquals(dss == 1 ? ADDRESS : 0, dss == 1 ? Translation.address(lab.answer()) : 0);
    int zero = dss == 2 ? EventCode.F_STREAM_DISABLED : 0;
    assertEquals(zero, lab.ask(FIRST, 0, ADDRESS, R).code());
    assertEquals(EventCode.C_BAD_CD, lab.ask(FIRST, 1, ADDRESS, R).code());
    assertEquals(0, lab.ask(FIRST, last, ADDRESS, R).code());
    assertEquals(PAGE + 4096, Translation.address(lab.answer()));
    assertEquals(EventCode.C_BAD_SUBSTREAMID, lab.ask(FIRST, last + 1, ADDRESS, R).code());
    if (format != 0) {
      long of = format == 1 ? table + 8 : table;
      lab.memory.put(of, 0);
      assertEquals(EventCode.C_BAD_SUBSTREAMID, lab.ask(FIRST, last, ADDRESS, R).code());
      lab.memory.put(of, SmmuLab.OUTSIDE | 1);
      assertEquals(EventCode.F_CD_FETCH, lab.ask(FIRST, last, ADDRESS, R).code());
      lab.memory.put(of, 1L << 50 | 1);
      assertEquals(EventCode.C_BAD_SUBSTREAMID, lab.ask(FIRST, last, ADDRESS, R).code(), "OAS");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {FIRST, SECOND, NESTED, 63})
  void whileTheUnitIsOffAddressesPassOrAbort(int stream) {
    lab.register("CR0", 1, 0);
    for (long address : new long[] {0, ADDRESS, (1L << 48) - 1}) {
      assertEquals(0, lab.ask(stream, address, W).code());
      assertEquals(address, Translation.address(lab.answer()));
    }
    lab.ask(stream, 1L << 48, W);
    assertEquals(Outcome.ABORTED.packed(), lab.answer());
    lab.ask(stream, ADDRESS, R | Access.TRANSLATED);
    assertEquals(EventCode.F_TRANSL_FORBIDDEN, lab.code());
    lab.register("GBPA", 0, 1L << 20).ask(stream, ADDRESS, R);
    assertEquals(Outcome.ABORTED.packed(), lab.answer());
  }

  @Test
  void whatPassesWhileTheUnitIsOffIsKept() {
    lab.register("CR0", 1, 0);
    Translator translator =
        Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers())
            .newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint endpoint = translator.endpoint(FIRST, -1);
    endpoint.translate(ADDRESS, R);
    endpoint.translate(ADDRESS, R);
    assertEquals(1, translator.counters().hits());
  }

  @Test
  void aRefusalTellsNothingOfAnEarlierOne() {
    long unmapped = ADDRESS + 4096;
    lab.guest.map(unmapped, 0x1_0000_0000L, 3, SmmuLab.FIRST_PAGE);
    Iommu unit = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
    for (boolean cached : new boolean[] {false, true}) {
      Translator translator = cached ? unit.newTranslator() : unit.newUncachedTranslator();
      int access = R;
      long answer = translator.translate(NESTED, -1, unmapped, access);
      assertEquals(EventCode.F_TRANSLATION, Translation.code(answer));
      assertEquals(0x1_0000_0000L, translator.lastFault().intermediate());
      long second = translator.lastFault().word(3);
      assertEquals(0x1_0000_0000L, second);
      translator.translate(NESTED, -1, -1L << 50, access);
      assertEquals(0, translator.lastFault().intermediate());
      assertEquals(0, translator.lastFault().word(3));
      translator.translate(NESTED, -1, unmapped, access);
      translator.translate(FIRST, -1, -1L << 50, access);
      assertEquals(0, translator.lastFault().intermediate());
    }
  }

  @Test
  void whatWasKeptIsThereAgainAfterTheUnitWasOff() {
    Iommu unit = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
    Translator translator = unit.newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint endpoint = translator.endpoint(FIRST, -1);
    long[] expected = {PAGE, ADDRESS, PAGE};
    for (int i = 0; i < expected.length; i++) {
      unit.reconfigure(Map.of("CR0", i % 2 == 0 ? 5L : 4L), true);
      assertEquals(expected[i], Translation.address(endpoint.translate(ADDRESS, R)));
      assertEquals(Math.min(i + 1, 2), translator.counters().misses(), "after change " + i);
    }
  }

  @Test
  void eventsAreRecordedAsTheRegistersSay() {
    assertEquals(EventCode.C_BAD_STREAMID, lab.ask(64, ADDRESS, R).code());
    assertTrue(lab.fault().isRecorded());
    lab.register("CR2", 2, 0).ask(64, ADDRESS, R);
    assertFalse(lab.fault().isRecorded(), "RECINVSID");
    lab.ask(FIRST, 1L << 38, R);
    assertTrue(lab.fault().isRecorded());
    lab.register("CR0", 4, 0).ask(FIRST, 1L << 38, R);
    assertFalse(lab.fault().isRecorded(), "EVENTQEN");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void errorsOfTranslatedRequestsAreRecordedOnDemand(boolean demanded) {
    lab.register("IDR0", 0, ATS | 1L << 23).register("CR0", 0, 0x10);
    lab.register("CR2", 0, demanded ? 8 : 0).flipStream(FIRST, 92).flipStream(FIRST, 0);
    assertEquals(EventCode.C_BAD_STE, lab.ask(FIRST, PAGE, R | Access.TRANSLATED).code());
    assertEquals(demanded, lab.fault().isRecorded());
  }

  @Test
  void aTranslationRequestOfSubstream0AsksToExecute() {
    long table = lab.memory.allocate();
    lab.machine.context(table, lab.firstContext());
    lab.register("IDR0", 0, ATS);
    lab.machine.stream(FIRST, new StreamEntry(5).stage1(table, 1, 0, 0).set(92));
    int query = R | Access.EXECUTE | Access.TRANSLATION_REQUEST;
    lab.first.map(ADDRESS, PAGE, 3, SmmuLab.FIRST_PAGE | 1L << 7);
    lab.ask(FIRST, 0, ADDRESS, query);
    assertEquals(R | Access.EXECUTE, AtsReply.rights(lab.answer()));
  }

  /** AArch32 tables widen intermediate addresses to 40 bits, where outputs have 36. */
  @ParameterizedTest
  @ValueSource(ints = {FIRST, SECOND, NESTED, BYPASS})
  void addressesThatSkipStage1HaveTheSizeOfTheNextSpace(int stream) {
    lab.register("IDR0", 0, 3 << 2).register("IDR5", 7, 1);
    if (stream == FIRST || stream == NESTED) {
      // S1DSS = 1 and two CDs: requests without SubstreamID skip stage 1.
      lab.flipStream(stream, 64).flipStream(stream, 59);
    }
    for (long address : new long[] {ADDRESS, 1L << 36, 1L << 38, 1L << 39, 1L << 40, 1L << 48}) {
      lab.ask(stream, address, R);
      long most = stream == BYPASS ? 1L << 36 : 1L << 40;
      boolean beyond = address >= most;
      assertEquals(beyond, lab.code() == EventCode.F_ADDR_SIZE, Translation.describe(lab.answer()));
    }
  }

  @Test
  void aTranslationRequestForWhatStage2DoesNotMapEndsWithoutRights() {
    lab.register("IDR0", 0, ATS).flipStream(SECOND, 92);
    lab.ask(SECOND, ADDRESS + 4096, R | Access.TRANSLATION_REQUEST);
    assertEquals(Outcome.NO_RIGHTS.packed(), lab.answer());
  }

  /** Bit 55 chooses the range, and TBI0 or TBI1 whether a tag is another name of a page. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void reservedAddressesHaveTheirTagsAsOtherNames(boolean upper) {
    ContextEntry entry = lab.firstContext().upper(lab.first).set(upper ? 39 : 38);
    lab.machine.context(lab.contexts, entry);
    long page = upper ? ADDRESS | -1L << 39 : ADDRESS;
    RegionSet reserved = RegionSet.of(List.of(new Region(page, page + 0xfff, RegionKind.RESERVED)));
    Iommu unit = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
    unit.restrict(FIRST, -1, reserved, RegionSet.EMPTY);
    Translator translator = unit.newUncachedTranslator();
    long tagged = page ^ 0x5aL << 56;
    assertEquals(Outcome.RESERVED.packed(), translator.translate(FIRST, -1, page, R));
    assertEquals(Outcome.RESERVED.packed(), translator.translate(FIRST, -1, tagged, R));
  }
}
