package dev.nestwalk;

import static dev.nestwalk.SmmuLab.ADDRESS;
import static dev.nestwalk.SmmuLab.BYPASS;
import static dev.nestwalk.SmmuLab.FIRST;
import static dev.nestwalk.SmmuLab.FIRST_PAGE;
import static dev.nestwalk.SmmuLab.IPA;
import static dev.nestwalk.SmmuLab.NESTED;
import static dev.nestwalk.SmmuLab.OUTSIDE;
import static dev.nestwalk.SmmuLab.PAGE;
import static dev.nestwalk.SmmuLab.SECOND;
import static dev.nestwalk.SmmuLab.SECOND_PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Translation requests and translated requests (IHI 0070, 3.9.1, 7.3.6, 7.3.8, 13.6, 13.7). Each
 * request goes through both walkers, which must agree to the last bit.
 */
final class SmmuAtsTest {
  private static final int R = Access.READ;
  private static final int W = Access.WRITE;
  private static final int X = Access.EXECUTE;
  private static final int QUERY = Access.TRANSLATION_REQUEST | R;
  private static final int QUERY_WRITE = QUERY | W;
  private static final int TRANSLATED = Access.TRANSLATED;

  private static final long ATS = 1L << 10;
  private static final long ATSCHK = 1L << 4;
  private static final long ATSRECERR = 1L << 23;
  private static final long REC_CFG_ATS = 1L << 3;

  // Bits of descriptors.
  private static final long READ_ONLY = 1L << 7;
  private static final long DBM = 1L << 51;
  private static final long UXN = 1L << 54;

  private final Arena arena = Arena.ofConfined();
  private final SmmuLab lab = new SmmuLab(arena).register("IDR0", 0, ATS);

  @AfterEach
  void close() {
    arena.close();
  }

  private SmmuLab full(int stream, int... bits) {
    lab.stream(stream, bits);
    return lab.flipStream(stream, 92);
  }

  private SmmuLab split(int... bits) {
    lab.register("CR0", 0, ATSCHK).stream(NESTED, bits);
    return lab.flipStream(NESTED, 93);
  }

  private void granted(long address, int spanLog2, int rights) {
    long answer = lab.answer();
    assertEquals(Completion.SUCCESS, AtsReply.status(answer), AtsReply.describe(answer));
    assertEquals(Access.describe(rights), Access.describe(AtsReply.rights(answer)));
    assertEquals(Long.toHexString(address), Long.toHexString(AtsReply.address(answer)));
    assertEquals(spanLog2, AtsReply.sizeLog2(answer));
    assertFalse(AtsReply.isUntranslatedOnly(answer));
  }

  private void withoutRights() {
    assertEquals(Outcome.NO_RIGHTS.packed(), lab.answer(), AtsReply.describe(lab.answer()));
    assertEquals("success without rights", AtsReply.describe(lab.answer()));
    assertFalse(lab.fault().isRecorded());
  }

  private void ends(Completion status, int code, boolean recorded) {
    assertEquals(status, AtsReply.status(lab.answer()));
    assertEquals(0, AtsReply.rights(lab.answer()));
    assertEquals(Integer.toHexString(code), Integer.toHexString(lab.code()));
    assertEquals(recorded, lab.fault().isRecorded(), "recorded");
  }

  private long descriptor(VmsaTables tables, long address) {
    return lab.memory.get(tables.descriptorAddress(address, 3));
  }

  // C1: 13.6.3, 13.6.5

  @Test
  void splitStageReplyHoldsTheIntermediateAddress() {
    split().ask(NESTED, ADDRESS + 0x234, QUERY_WRITE);
    granted(IPA, 12, R | W);
    assertEquals(IPA + 0x234, Translation.address(lab.answer()));
  }

  @Test
  void fullReplyOfANestedStreamHoldsThePhysicalAddress() {
    full(NESTED).ask(NESTED, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, R | W);
  }

  @Test
  void splitStageReplyIsCutToTheRightsAndSpanOfBothStages() {
    long block = 0x4000_0000L;
    lab.guest.map(block + 0x20_0000, IPA + 0x4000_0000L, 2, FIRST_PAGE);
    lab.second.map(IPA + 0x4000_0000L, PAGE, 3, SECOND_PAGE & ~(1L << 7));
    split().ask(NESTED, block + 0x20_0000, QUERY_WRITE);
    granted(IPA + 0x4000_0000L, 12, R);
  }

  @Test
  void splitStageReplyNeedsTheOutputMappedByStage2() {
    lab.memory.put(lab.second.descriptorAddress(IPA, 3), 0);
    split().ask(NESTED, ADDRESS, QUERY);
    withoutRights();
  }

  /** S1DSS = 1 and a table of substreams: a request without PASID skips stage 1. */
  private SmmuLab skipping(int eats) {
    StreamEntry entry = lab.nestedStream().set(64).set(59).set(eats);
    lab.machine.stream(NESTED, entry);
    return lab;
  }

  @Test
  void splitStageReplyIsTheIdentityWhereStage1IsSkipped() {
    lab.second.map(IPA, PAGE, 3, SECOND_PAGE & ~(1L << 7));
    lab.register("CR0", 0, ATSCHK);
    skipping(93).ask(NESTED, IPA, QUERY_WRITE);
    granted(IPA, 12, R);
  }

  @Test
  void fullReplyIsThatOfStage2WhereStage1IsSkipped() {
    skipping(92).ask(NESTED, IPA, QUERY_WRITE);
    granted(PAGE, 12, R | W);
  }

  @Test
  void replyIsTheIdentityWhereTheOnlyStageIsSkipped() {
    lab.machine.stream(FIRST, lab.firstStream().set(64).set(59).set(92));
    lab.ask(FIRST, 0x1234_5678L, QUERY);
    granted(0, 30, R | W);
    lab.ask(FIRST, 1L << 48, QUERY);
    withoutRights();
  }

  // C2: 5.2 EATS, 3.9.1.2

  @Test
  void splitStageWithoutAtschkServesNoTranslationRequest() {
    split().register("CR0", ATSCHK, 0).ask(NESTED, ADDRESS, QUERY);
    ends(Completion.UNSUPPORTED_REQUEST, 0x05, true);
  }

  @Test
  void unservedStreamsAnswerUnsupportedRequest() {
    lab.ask(FIRST, ADDRESS, QUERY);
    ends(Completion.UNSUPPORTED_REQUEST, 0x05, true);
    lab.ask(BYPASS, ADDRESS, QUERY);
    ends(Completion.UNSUPPORTED_REQUEST, 0x05, true);
    lab.machine.stream(FIRST, new StreamEntry(0));
    lab.ask(FIRST, ADDRESS, QUERY);
    ends(Completion.UNSUPPORTED_REQUEST, Outcome.UNSUPPORTED_REQUEST.code(), false);
    lab.register("CR0", 1, 0).ask(FIRST, ADDRESS, QUERY);
    ends(Completion.UNSUPPORTED_REQUEST, 0x05, true);
  }

  // C3: 3.9.1.2, 7.3.6

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void configurationErrorsCompleteWithAbortAndAreRecordedOnlyOnDemand(boolean demanded) {
    if (demanded) {
      lab.register("IDR0", 0, ATSRECERR).register("CR2", 0, REC_CFG_ATS);
    }
    lab.ask(64, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x02, demanded);
    full(FIRST, 0).ask(FIRST, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x04, demanded);
    full(FIRST).ask(FIRST, 5, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x08, demanded);
    lab.machine.stream(FIRST, lab.firstStream().set(59).set(92));
    lab.ask(FIRST, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x06, demanded);
    lab.machine.stream(FIRST, new StreamEntry(5).stage1(OUTSIDE, 0, 0, 0).set(92));
    lab.ask(FIRST, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x09, demanded);
    full(FIRST).context(31).ask(FIRST, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x0a, demanded);
    lab.context();
    lab.memory.put(lab.first.descriptorAddress(ADDRESS, 2), OUTSIDE | 3);
    lab.ask(FIRST, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x0b, demanded);
    lab.register("STRTAB_BASE", -1, OUTSIDE).ask(FIRST, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x03, demanded);
  }

  @Test
  void badStreamIdOfATranslationRequestNeedsBothRecordingBits() {
    lab.register("IDR0", 0, ATSRECERR).register("CR2", 2, REC_CFG_ATS).ask(64, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x02, false);
  }

  @Test
  void recCfgAtsIsReservedWithoutAtsRecErr() {
    lab.register("CR2", 0, REC_CFG_ATS).ask(64, ADDRESS, QUERY);
    ends(Completion.COMPLETER_ABORT, 0x02, false);
  }

  @Test
  void stage2FaultsOfTheCdAndOfStage1TablesCompleteWithoutRights() {
    long cd = lab.second.descriptorAddress(lab.guestContexts, 3);
    long table = lab.second.descriptorAddress(lab.guest.root(), 3);
    for (long at : new long[] {cd, table}) {
      for (long broken : new long[] {0, SECOND_PAGE & ~(1L << 6) | PAGE | 3}) {
        long before = lab.memory.get(at);
        lab.memory.put(at, broken);
        full(NESTED).ask(NESTED, ADDRESS, QUERY);
        withoutRights();
        lab.memory.put(at, before);
      }
    }
  }

  // C4: 3.9.1.2, 13.7

  @Test
  void pageThatGrantsLessIsGrantedAsItIs() {
    lab.first.map(ADDRESS, PAGE, 3, FIRST_PAGE | READ_ONLY);
    full(FIRST).ask(FIRST, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, R);
    lab.second.map(ADDRESS, PAGE, 3, SECOND_PAGE & ~(1L << 7));
    full(SECOND).ask(SECOND, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, R);
    lab.second.map(ADDRESS, PAGE, 3, SECOND_PAGE & ~(1L << 6));
    lab.ask(SECOND, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, W);
    lab.second.map(IPA, PAGE, 3, SECOND_PAGE & ~(1L << 6));
    full(NESTED).ask(NESTED, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, W);
    lab.guest.map(ADDRESS, IPA, 3, FIRST_PAGE | READ_ONLY);
    lab.ask(NESTED, ADDRESS, QUERY_WRITE);
    withoutRights();
  }

  @Test
  void faultsOfThePageCompleteWithoutRights() {
    full(FIRST).ask(FIRST, ADDRESS + 0x1000, QUERY);
    withoutRights();
    lab.first.map(ADDRESS, PAGE, 3, FIRST_PAGE & ~(1L << 10));
    lab.ask(FIRST, ADDRESS, QUERY);
    withoutRights();
    lab.first.map(ADDRESS, PAGE, 3, FIRST_PAGE & ~(1L << 6));
    lab.ask(FIRST, ADDRESS, QUERY);
    withoutRights();
  }

  @Test
  void stage2IsNotAskedWhereStage1GrantsNothing() {
    lab.guest.map(ADDRESS, IPA, 3, FIRST_PAGE & ~(1L << 6));
    lab.second.map(0x6000_0000L, PAGE, 3, SECOND_PAGE);
    // Walked, it would be a Completer Abort.
    lab.memory.put(lab.second.descriptorAddress(IPA, 2), OUTSIDE | 3);
    full(NESTED).ask(NESTED, ADDRESS, QUERY);
    withoutRights();
  }

  @Test
  void rightsAreThoseOfTheRequestersPrivilege() {
    lab.first.map(ADDRESS, PAGE, 3, FIRST_PAGE & ~(1L << 6));
    lab.machine.stream(FIRST, lab.firstStream().set(59).set(65).set(92));
    lab.machine.context(lab.contexts + 64, lab.firstContext());
    lab.ask(FIRST, 1, ADDRESS, QUERY | Access.PRIVILEGED);
    granted(PAGE, 12, R | W);
    lab.ask(FIRST, 1, ADDRESS, QUERY);
    withoutRights();
    // Without a PASID there is no privileged request.
    lab.ask(FIRST, ADDRESS, QUERY | Access.PRIVILEGED);
    withoutRights();
  }

  // C5: 13.7, 3.13.7

  /** HTTU on in the CD: HA 43, HD 42. */
  private SmmuLab dirtyTracking() {
    return full(FIRST).context(43, 42);
  }

  @Test
  void noWriteDoesNotMakeACleanPageDirty() {
    lab.first.map(ADDRESS, PAGE, 3, FIRST_PAGE | READ_ONLY | DBM);
    dirtyTracking().ask(FIRST, ADDRESS, QUERY);
    granted(PAGE, 12, R);
    assertEquals(READ_ONLY, descriptor(lab.first, ADDRESS) & READ_ONLY, "still clean");
    lab.ask(FIRST, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, R | W);
    assertEquals(0, descriptor(lab.first, ADDRESS) & READ_ONLY, "dirty");
    lab.ask(FIRST, ADDRESS, QUERY);
    granted(PAGE, 12, R | W);
  }

  @Test
  void cleanPageOfStage2StaysCleanForNoWriteAndUnderAReadOnlyStage1() {
    long clean = SECOND_PAGE & ~(1L << 7) | DBM;
    lab.second.map(IPA, PAGE, 3, clean);
    full(NESTED, 184, 183).ask(NESTED, ADDRESS, QUERY);
    granted(PAGE, 12, R);
    assertEquals(0, descriptor(lab.second, IPA) & 1L << 7);
    lab.guest.map(ADDRESS, IPA, 3, FIRST_PAGE | READ_ONLY);
    lab.ask(NESTED, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, R);
    assertEquals(0, descriptor(lab.second, IPA) & 1L << 7);
    lab.guest.map(ADDRESS, IPA, 3, FIRST_PAGE);
    lab.ask(NESTED, ADDRESS, QUERY_WRITE);
    granted(PAGE, 12, R | W);
    assertEquals(1L << 7, descriptor(lab.second, IPA) & 1L << 7);
  }

  @Test
  void accessFlagIsSetForAReplyWithRightsOnly() {
    lab.first.map(ADDRESS, PAGE, 3, READ_ONLY);
    full(FIRST).context(43).ask(FIRST, ADDRESS, QUERY);
    withoutRights();
    assertEquals(0, descriptor(lab.first, ADDRESS) & 1L << 10);
    lab.first.map(ADDRESS, PAGE, 3, FIRST_PAGE & ~(1L << 10));
    lab.ask(FIRST, ADDRESS, QUERY);
    granted(PAGE, 12, R | W);
    assertEquals(1L << 10, descriptor(lab.first, ADDRESS) & 1L << 10);
  }

  // 13.7: execute

  /** The page of a stream with substreams, so that Execute_Requested can be told. */
  private void executable(long leaf, int access, int... bits) {
    lab.first.map(ADDRESS, PAGE, 3, leaf);
    StreamEntry entry = lab.firstStream().set(59).set(65).set(92);
    for (int bit : bits) {
      entry.flip(bit);
    }
    lab.machine.stream(FIRST, entry);
    lab.machine.context(lab.contexts + 64, lab.firstContext());
    lab.ask(FIRST, 1, ADDRESS, access);
  }

  @Test
  void executeIsGrantedWhereItIsAskedForAndThePageIsReadableToo() {
    executable(FIRST_PAGE, QUERY | X);
    granted(PAGE, 12, R | W | X);
    executable(FIRST_PAGE, QUERY);
    granted(PAGE, 12, R | W);
    executable(FIRST_PAGE | UXN, QUERY_WRITE | X);
    granted(PAGE, 12, R | W);
  }

  @Test
  void executeOnlyPageGrantsNothing() {
    executable(FIRST_PAGE & ~(1L << 6), QUERY_WRITE | X);
    withoutRights();
    // A plain fetch is allowed.
    lab.ask(FIRST, 1, ADDRESS, R | X);
    assertEquals(0, lab.code());
  }

  @Test
  void instcfgDecidesWhatReadableAndExecutableMean() {
    // INSTCFG 115:114 = 3: every read is a fetch.
    executable(FIRST_PAGE & ~(1L << 6), QUERY | X, 114, 115);
    granted(PAGE, 12, R | X);
    executable(FIRST_PAGE | UXN, QUERY, 114, 115);
    granted(PAGE, 12, W);
    // INSTCFG = 2: data, so what can be read can be executed.
    executable(FIRST_PAGE | UXN, QUERY | X, 115);
    granted(PAGE, 12, R | W | X);
  }

  // C6: 3.9.1.3

  @Test
  void translatedRequestPassesUncheckedWithoutAtschk() {
    lab.stream(FIRST, 0).ask(FIRST, PAGE, R | TRANSLATED);
    assertEquals(PAGE, Translation.address(lab.answer()));
    lab.machine.stream(FIRST, new StreamEntry(0));
    lab.ask(FIRST, 7, PAGE, W | TRANSLATED);
    assertEquals(PAGE, Translation.address(lab.answer()));
    lab.ask(99, PAGE, R | TRANSLATED);
    assertEquals(PAGE, Translation.address(lab.answer()));
    lab.ask(FIRST, 1L << 48, R | TRANSLATED);
    assertEquals(Outcome.ABORTED.packed(), lab.answer());
    lab.register("STRTAB_BASE", -1, OUTSIDE).ask(FIRST, PAGE, R | TRANSLATED);
    assertEquals(PAGE, Translation.address(lab.answer()));
  }

  // C7: 3.9.1.3

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void configurationErrorsAbortTranslatedRequestsSilently(boolean demanded) {
    lab.register("CR0", 0, ATSCHK);
    if (demanded) {
      // CR2.RECINVSID does not count here.
      lab.register("IDR0", 0, ATSRECERR).register("CR2", 2, REC_CFG_ATS);
    }
    lab.ask(64, PAGE, R | TRANSLATED);
    ends(Completion.NONE, 0x02, demanded);
    lab.stream(FIRST, 0).ask(FIRST, PAGE, R | TRANSLATED);
    ends(Completion.NONE, 0x04, demanded);
    lab.machine.stream(FIRST, new StreamEntry(0));
    lab.ask(FIRST, PAGE, R | TRANSLATED);
    ends(Completion.NONE, Outcome.ABORTED.code(), false);
    lab.register("STRTAB_BASE", -1, OUTSIDE).ask(FIRST, PAGE, R | TRANSLATED);
    ends(Completion.NONE, 0x03, demanded);
  }

  @Test
  void translatedRequestOfAServedStreamPassesUnderAtschk() {
    full(FIRST).register("CR0", 0, ATSCHK).ask(FIRST, PAGE, W | TRANSLATED);
    assertEquals(PAGE, Translation.address(lab.answer()));
    lab.ask(FIRST, 1L << 48, W | TRANSLATED);
    assertEquals(Outcome.ABORTED.packed(), lab.answer());
  }

  // C8: 3.9.1.3

  @Test
  void splitStageTranslatedRequestPassesStage2() {
    split().ask(NESTED, IPA + 0x18, W | TRANSLATED);
    assertEquals(PAGE + 0x18, Translation.address(lab.answer()));
    lab.ask(NESTED, IPA + 0x1000, R | TRANSLATED);
    assertEquals(0x10, lab.code());
    assertEquals(1L << 39, lab.fault().word(1) & 1L << 39, "S2");
    assertTrue(lab.fault().isRecorded());
  }

  @ParameterizedTest
  @CsvSource({"0x1000000000000, 0x11, 0", "0x8000000000000000, 0x11, 0", "0x800000000000, 0x10, 1"})
  void splitStageTranslatedRequestBeyondIasIsAnAddressSizeFaultOfStage1(
      String address, int code, int s2) {
    split().ask(NESTED, Long.parseUnsignedLong(address.substring(2), 16), R | TRANSLATED);
    assertEquals(code, lab.code());
    assertEquals(s2, lab.fault().word(1) >>> 39 & 1, "S2");
  }

  // C9: 7.3.8

  @Test
  void forbiddenTranslatedRequestIsRecordedWithoutSubstreamAndAttributes() {
    lab.register("CR0", 0, ATSCHK);
    lab.ask(FIRST, 5, ADDRESS, R | X | Access.PRIVILEGED | TRANSLATED);
    ends(Completion.NONE, 0x07, true);
    assertEquals(0x07L | (long) FIRST << 32, lab.fault().word(0), "no SSV, no SubstreamID");
    assertEquals(1L << 35, lab.fault().word(1), "RnW alone, bits 98:96 are RES0");
    assertEquals(ADDRESS, lab.fault().word(2));
    assertEquals(0, lab.fault().word(3));
    lab.ask(FIRST, ADDRESS, W | TRANSLATED);
    assertEquals(0, lab.fault().word(1));
  }

  @Test
  void splitStageTranslatedRequestIsDataUnprivilegedAndWithoutSubstream() {
    split();
    lab.ask(NESTED, 5, IPA + 0x1000, R | X | Access.PRIVILEGED | TRANSLATED);
    assertEquals(0x10L | (long) NESTED << 32, lab.fault().word(0));
    assertEquals(0, lab.fault().word(1) & 3L << 33, "PnU, InD");
    // PRIVCFG 113:112 = 3 applies nevertheless.
    split(112, 113);
    lab.ask(NESTED, IPA + 0x1000, R | TRANSLATED);
    assertEquals(1L << 33, lab.fault().word(1) & 3L << 33);
  }
}
