package dev.nestwalk;

import static dev.nestwalk.VtdLab.IOVA;
import static dev.nestwalk.VtdLab.PAGE;
import static dev.nestwalk.VtdLab.PASID;
import static dev.nestwalk.VtdLab.SOURCE;
import static dev.nestwalk.VtdLab.USER_PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.vtd.FaultCode;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Who asks: a request with PASID 0 is not one without a PASID, which takes the entry that RID_PASID
 * names; and while the unit is off all of them pass.
 */
final class VtdRequesterTest {
  private static final int R = Access.READ;
  private static final int W = Access.WRITE;
  private static final int X = Access.EXECUTE;
  private static final long WINDOW = 0xfee0_1000L;
  private static final long AROUND = 0xfee0_0000L;
  private static final long BEFORE = 0xfec0_0000L;
  private static final long OTHER = 0x9000_0000L;

  private final Arena arena = Arena.ofConfined();
  private final VtdLab lab = new VtdLab(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  /** PASID 3, which is RID_PASID, leads to PAGE, PASID 0 to another page. */
  private FirstStageTables twoProcesses() {
    lab.first();
    FirstStageTables tables = new FirstStageTables(lab.memory, 4);
    tables.map(IOVA, OTHER, 12, USER_PAGE).map(WINDOW, OTHER + 4096, 12, USER_PAGE);
    lab.machine.pasid(SOURCE, 0, VtdLab.firstEntry(tables).domain(5));
    return tables;
  }

  private void translated(long output) {
    assertEquals(
        Long.toHexString(output),
        Long.toHexString(Translation.address(lab.answer())),
        Translation.describe(lab.answer()));
    assertEquals(0, lab.code());
  }

  @Test
  void pasid0HasAnEntryOfItsOwn() {
    twoProcesses();
    lab.ask(0, IOVA, R);
    translated(OTHER);
    lab.ask(-1, IOVA, R);
    translated(PAGE);
    lab.ask(PASID, IOVA, R);
    translated(PAGE);
  }

  @Test
  void withPasid0AnInterruptAddressIsAnAddressLikeAnyOther() {
    twoProcesses();
    lab.ask(0, WINDOW, W);
    translated(OTHER + 4096);
    lab.ask(-1, WINDOW, W);
    assertEquals(Outcome.INTERRUPT.packed(), lab.answer());
  }

  @Test
  void pagesAroundTheInterruptRangeAreWholeWithPasidAndInPiecesWithout() {
    FirstStageTables tables = lab.first();
    for (long page : new long[] {BEFORE, AROUND}) {
      tables.map(page, OTHER, 21, USER_PAGE);
    }
    assertEquals(21, span(PASID, BEFORE));
    assertEquals(21, span(-1, BEFORE));
    assertEquals(21, span(PASID, AROUND));
    assertEquals(20, span(-1, AROUND + (1 << 20)));
    // The same with PASID 0, which RID_PASID does not name.
    lab.machine.pasid(SOURCE, 0, VtdLab.firstEntry(tables).domain(5));
    assertEquals(21, span(0, AROUND));
    assertEquals(21, span(0, AROUND + (1 << 20)));
  }

  private int span(int pasid, long iova) {
    lab.ask(pasid, iova, R);
    assertEquals(0, lab.code());
    return Translation.spanLog2(lab.answer());
  }

  @Test
  void rightsThatOnlyAPasidCanAskForAreHeededWithPasid0() {
    twoProcesses();
    lab.ask(0, IOVA, R | X);
    assertEquals(FaultCode.SPT_5, lab.code(), "ERE is clear");
    lab.ask(0, IOVA, R | Access.PRIVILEGED);
    assertEquals(FaultCode.SPT_6, lab.code(), "SRE is clear");
    lab.flip(lab.machine.pasidAddress(SOURCE, 0), 128);
    lab.flip(lab.machine.pasidAddress(SOURCE, 0), 129);
    lab.ask(0, IOVA, R | X | Access.PRIVILEGED);
    translated(OTHER);
  }

  @Test
  void whatIsNotExecutableCanBeRead() {
    FirstStageTables tables = lab.first();
    lab.flip(lab.machine.pasidAddress(SOURCE, PASID), 129);
    tables.map(IOVA, PAGE, 12, USER_PAGE | FirstStageTables.XD);
    lab.ask(PASID, IOVA, R);
    translated(PAGE);
    lab.ask(PASID, IOVA, R | X);
    assertEquals(FaultCode.SGN_3, lab.code());
  }

  @Test
  void executeIsNotGrantedWithoutRead() {
    VtdLab.Nested nested = lab.nested();
    lab.flip(lab.machine.pasidAddress(SOURCE, PASID), 129);
    nested.second().map(VtdLab.GUEST_PAGE, PAGE, 12, SecondStageTables.W);
    lab.ask(PASID, IOVA, R | W | X | Access.TRANSLATION_REQUEST);
    assertEquals(Access.describe(W), Access.describe(AtsReply.rights(lab.answer())));
  }

  @ParameterizedTest
  @CsvSource({"1, 0", "2, 0", "3, 0", "0, 0x79"})
  void zeroLengthReadsNeedSomeRight(int rights, String code) {
    for (boolean nested : new boolean[] {false, true}) {
      if (nested) {
        lab.nested().second().map(VtdLab.GUEST_PAGE, PAGE, 12, rights);
      } else {
        lab.second().map(IOVA, PAGE, 12, rights);
      }
      lab.ask(-1, IOVA, R | Access.ZERO_LENGTH);
      assertEquals(Integer.decode(code), lab.code());
    }
  }

  @Test
  void withoutTheCapabilityAZeroLengthReadIsARead() {
    lab.second().map(IOVA, PAGE, 12, SecondStageTables.W);
    lab.machine.register("CAP", VtdMachine.CAP & ~(1L << 22));
    lab.ask(-1, IOVA, R | Access.ZERO_LENGTH);
    assertEquals(FaultCode.SGN_7, lab.code());
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, PASID})
  void whileTheUnitIsOffAddressesPass(int pasid) {
    lab.second();
    lab.machine.register("GSTS", 0);
    for (long address : new long[] {0, IOVA, (1L << VtdLab.HAW) - 1}) {
      lab.ask(pasid, address, W);
      translated(address);
      assertEquals(30, Translation.spanLog2(lab.answer()));
    }
    lab.ask(pasid, 0xfed0_0000L, W);
    assertEquals(20, Translation.spanLog2(lab.answer()), "beside the interrupt range");
    Outcome interrupts = pasid < 0 ? Outcome.INTERRUPT : Outcome.UNSUPPORTED_REQUEST;
    lab.ask(pasid, WINDOW, W);
    assertEquals(interrupts.packed(), lab.answer());
    lab.ask(pasid, 1L << VtdLab.HAW, R);
    assertEquals(Outcome.UNSUPPORTED_REQUEST.packed(), lab.answer());
  }

  @Test
  void whatPassesWhileTheUnitIsOffIsKept() {
    lab.machine.register("GSTS", 0);
    Translator translator =
        Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW)
            .newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint endpoint = translator.endpoint(SOURCE, -1);
    endpoint.translate(IOVA, R);
    endpoint.translate(IOVA, R);
    assertEquals(1, translator.counters().hits());
  }

  @Test
  void requestsWithoutPasidAreDroppedByThePasidThatStandsForThem() {
    FirstStageTables tables = twoProcesses();
    Iommu iommu = Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW);
    Translator translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint[] endpoints = {translator.endpoint(SOURCE, -1), translator.endpoint(SOURCE, 0)};
    int[][] drops = {{PASID, 0b01}, {0, 0b10}};
    for (int[] drop : drops) {
      missed(translator, endpoints);
      // PASID-based IOTLB invalidation of one process of domain 5.
      long descriptor = (long) drop[0] << 32 | 5 << 16 | 2 << 4 | 6;
      assertEquals(0, iommu.vtdInvalidations().submit(descriptor, 0, 0, 0));
      assertEquals(drop[1], missed(translator, endpoints), "PASID " + drop[0]);
    }
    assertEquals(OTHER, lab.memory.get(tables.entryAddress(IOVA, 1)) & 0xf_ffff_f000L);
  }

  /** Which of the endpoints have to walk. */
  private static int missed(Translator translator, Endpoint[] endpoints) {
    int missed = 0;
    for (int i = 0; i < endpoints.length; i++) {
      long before = translator.counters().misses();
      endpoints[i].translate(IOVA, R);
      missed |= (int) (translator.counters().misses() - before) << i;
    }
    return missed;
  }

  @Test
  void aRefusalTellsNoIntermediateAddressOfAnEarlierOne() {
    VtdLab.Nested nested = lab.nested();
    long unmapped = IOVA + 4096;
    nested.first().map(unmapped, 0x1_0000_0000L, 12, USER_PAGE);
    Iommu unit = Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW);
    for (boolean cached : new boolean[] {false, true}) {
      Translator translator = cached ? unit.newTranslator() : unit.newUncachedTranslator();
      Endpoint endpoint = translator.endpoint(SOURCE, PASID);
      for (long iova : new long[] {unmapped, 1L << 60}) {
        long answer =
            cached ? endpoint.translate(iova, R) : translator.translate(SOURCE, PASID, iova, R);
        boolean first = iova == unmapped;
        assertEquals(first ? FaultCode.SSS_2 : FaultCode.SGN_1, Translation.code(answer));
        assertEquals(first ? 0x1_0000_0000L : 0, translator.lastFault().intermediate());
      }
    }
  }

  @Test
  void passThroughIsLimitedByTheHostAddressWidth() {
    lab.scalable().pasid(PasidEntry.passThrough(3));
    lab.ask(PASID, (1L << VtdLab.HAW) - 1, R);
    translated((1L << VtdLab.HAW) - 1);
    lab.ask(PASID, 1L << VtdLab.HAW, R);
    assertEquals(FaultCode.SGN_4, lab.code());
  }

  @ParameterizedTest
  @ValueSource(ints = {0x0010, 0x0090, 0x4010, 0xff7f, 0xffff})
  void eachFunctionOfEachBusHasItsEntry(int source) {
    SecondStageTables tables = lab.legacy();
    SecondStageTables other = new SecondStageTables(lab.memory, 4).map(IOVA, OTHER, 12, 3);
    lab.machine.context(0x0010, 0, 2, 5, tables.root());
    lab.machine.context(source, 0, 2, 5, other.root());
    lab.ask(source, -1, IOVA, R);
    translated(OTHER);
    lab.second();
    lab.machine.scalableContext(source, 4 | 8, 0, PASID);
    lab.machine.pasid(source, PASID, VtdLab.secondEntry(other).domain(5));
    lab.ask(source, -1, IOVA, R);
    translated(OTHER);
  }

  @ParameterizedTest
  @CsvSource({"1, 3", "2, 3", "3, 0"})
  void legacyPassThroughHasTheLargestWidth(int aw, String code) {
    lab.machine.context(SOURCE, 2, aw, 5, 0);
    lab.ask(-1, IOVA, R);
    assertEquals(Integer.decode(code), lab.code(), "LCT.4 is 3");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void eachStructureCanHideFaults(int structure) {
    FirstStageTables tables = lab.first();
    long context = lab.machine.contextAddress(SOURCE);
    long directory = lab.memory.get(context) & -4096;
    long[] entries = {-1, context, directory, lab.machine.pasidAddress(SOURCE, PASID)};
    if (structure > 0) {
      lab.flip(entries[structure], 1);
    }
    lab.flip(tables.entryAddress(IOVA, 1), 0);
    lab.ask(PASID, IOVA, R);
    assertEquals(FaultCode.SFS_2, lab.code());
    assertEquals(structure == 0, lab.fault().isRecorded());
  }

  @Test
  void legacyModeKnowsNoPasid() {
    lab.legacy();
    lab.ask(0, IOVA, R);
    assertEquals(FaultCode.RTA_2, lab.code());
  }

  @Test
  void whatWasKeptIsThereAgainAfterTheUnitWasOff() {
    lab.second();
    Iommu unit = Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW);
    Translator translator = unit.newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint endpoint = translator.endpoint(SOURCE, -1);
    long[] expected = {PAGE, IOVA, PAGE};
    for (int i = 0; i < expected.length; i++) {
      unit.reconfigure(Map.of("GSTS", i % 2 == 0 ? 1L << 31 : 0L), true);
      assertEquals(expected[i], Translation.address(endpoint.translate(IOVA, R)));
      assertEquals(Math.min(i + 1, 2), translator.counters().misses(), "after change " + i);
    }
  }

  @Test
  void tablesBeyondTheWidthOfTheStageBelowAreAFault() {
    VtdLab.Nested nested = lab.nested();
    lab.pasid(nested.entry().firstRoot(4, 1L << 48));
    lab.ask(PASID, IOVA, R);
    assertEquals(FaultCode.SFS_5, lab.code());
    assertEquals(1L << 48, lab.fault().intermediate() & -1L << 48);
  }

  /** A read may answer a later write only if the write sets no flag that the read has not set. */
  @ParameterizedTest
  @CsvSource({
    "off, true",
    "pass-through, true",
    "second, true",
    "second with flags, false",
    "first, false"
  })
  void aReadKeepsTheRightToWriteWhereNoFlagIsLeft(String what, boolean kept) {
    switch (what) {
      case "off" -> lab.machine.register("GSTS", 0);
      case "pass-through" -> lab.scalable().pasid(PasidEntry.passThrough(3));
      case "second" -> lab.second();
      case "second with flags" -> lab.pasid(VtdLab.secondEntry(lab.second()).secondStageFlags());
      default -> lab.first();
    }
    Translator translator =
        Iommu.vtd(Comparison.over(lab.memory), lab.machine.registers(), VtdLab.HAW)
            .newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint endpoint = translator.endpoint(SOURCE, -1);
    endpoint.translate(IOVA, R);
    endpoint.translate(IOVA, W);
    assertEquals(kept ? 1 : 2, translator.counters().misses());
  }

  @Test
  void withoutNxeTheHighestBitOfATableIsReservedToo() {
    FirstStageTables tables = lab.first();
    lab.flip(lab.machine.pasidAddress(SOURCE, PASID), 133);
    for (int level = 2; level <= 4; level++) {
      long at = tables.entryAddress(IOVA, level);
      for (int bit : new int[] {51, 63}) {
        lab.flip(at, bit);
        lab.ask(PASID, IOVA, R);
        assertEquals(FaultCode.SFS_3, lab.code());
        lab.flip(at, bit);
      }
    }
    lab.ask(PASID, IOVA, R);
    translated(PAGE);
  }

  @Test
  void domainIdsOfPasidEntriesHaveTheirWidth() {
    lab.second();
    lab.machine.register("CAP", VtdMachine.CAP & ~7L | 2);
    for (int bit = 4; bit < 16; bit++) {
      long at = lab.machine.pasidAddress(SOURCE, PASID);
      lab.flip(at, 64 + bit);
      lab.ask(PASID, IOVA, R);
      assertEquals(bit < 8 ? 0 : FaultCode.SPT_3, lab.code());
      lab.flip(at, 64 + bit);
    }
  }

  /** ECAP.RPRIVS, bit 53: without it RID_PRIV, bit 84 of a context entry, is ignored. */
  @ParameterizedTest
  @CsvSource({"true, 0x5d", "false, 0"})
  void ridPrivCountsWhereTheUnitHasIt(boolean capable, String code) {
    lab.first();
    if (!capable) {
      lab.machine.register("ECAP", VtdMachine.ECAP & ~(1L << 53));
    }
    lab.flip(lab.machine.contextAddress(SOURCE), 84);
    lab.ask(-1, IOVA, R);
    assertEquals(Integer.decode(code), lab.code(), "SRE is 0: no privileged requests");
  }
}
