package dev.nestwalk;

import static dev.nestwalk.VtdLab.GUEST_PAGE;
import static dev.nestwalk.VtdLab.IOVA;
import static dev.nestwalk.VtdLab.PAGE;
import static dev.nestwalk.VtdLab.PASID;
import static dev.nestwalk.VtdLab.SOURCE;
import static dev.nestwalk.VtdLab.USER_PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.vtd.FaultReason;
import java.lang.foreign.Arena;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Translation requests of VT-d (4.1, 4.2, 7.1.3): what their completions carry. Each request goes
 * through both walkers, which must agree to the last bit.
 */
final class VtdAtsTest {
  private static final int R = Access.READ;
  private static final int W = Access.WRITE;
  private static final int X = Access.EXECUTE;
  private static final int QUERY = R | Access.TRANSLATION_REQUEST;
  private static final int QUERY_WRITE = QUERY | W;
  private static final long NWFS = 1L << 33;
  private static final long WINDOW = 0xfee0_1000L;

  /** Table 30: what a translation request ends with as Unsupported Request. */
  private static final Set<FaultReason> UNSUPPORTED =
      EnumSet.of(
          FaultReason.LRT_2,
          FaultReason.LCT_2,
          FaultReason.LCT_5,
          FaultReason.RTA_2,
          FaultReason.RTA_4,
          FaultReason.SRT_2,
          FaultReason.SCT_2,
          FaultReason.SCT_5,
          FaultReason.SCT_6,
          FaultReason.SCT_7,
          FaultReason.SGN_10);

  /** Table 30: what a translation request ends with as Completer Abort. */
  private static final Set<FaultReason> ABORTED =
      EnumSet.of(
          FaultReason.LRT_1,
          FaultReason.LRT_3,
          FaultReason.LCT_1,
          FaultReason.LCT_3,
          FaultReason.LCT_4,
          FaultReason.LSS_1,
          FaultReason.LSS_2,
          FaultReason.LGN_4,
          FaultReason.RTA_1,
          FaultReason.SRT_1,
          FaultReason.SRT_3,
          FaultReason.SCT_1,
          FaultReason.SCT_3,
          FaultReason.SCT_4,
          FaultReason.SCT_9,
          FaultReason.SPD_1,
          FaultReason.SPD_3,
          FaultReason.SPT_1,
          FaultReason.SPT_3,
          FaultReason.SPT_4,
          FaultReason.SSS_1,
          FaultReason.SSS_3,
          FaultReason.SSS_4,
          FaultReason.SSS_5,
          FaultReason.SSS_6,
          FaultReason.SGN_8);

  private final Arena arena = Arena.ofConfined();
  private final VtdLab lab = new VtdLab(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  static Stream<Arguments> cases() {
    return VtdFaultCases.all().stream()
        .map(one -> Arguments.of(one.reason().mnemonic() + ": " + one.how(), one));
  }

  /** C15, and the whole list of recoverable faults. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void faultEndsATranslationRequestAsTable30Says(String name, VtdFaultCases.Case one) {
    lab.asTranslationRequests();
    one.request().accept(lab);
    if ((lab.fault().access() & Access.TRANSLATED) != 0) {
      return;
    }
    FaultReason reason = one.reason();
    if (name.contains("pass-through") && reason.mnemonic().startsWith("L")) {
      // Legacy pass-through serves no translation request at all.
      reason = reason == FaultReason.LCT_4 ? reason : FaultReason.LCT_5;
    }
    Completion status = AtsReply.status(lab.answer());
    boolean special = name.contains("pass-through") && reason == FaultReason.SGN_8;
    if (!special && (UNSUPPORTED.contains(reason) || ABORTED.contains(reason))) {
      Completion expected =
          UNSUPPORTED.contains(reason)
              ? Completion.UNSUPPORTED_REQUEST
              : Completion.COMPLETER_ABORT;
      assertEquals(expected, status, name);
      assertEquals(reason.code(), lab.code(), name);
      assertTrue(lab.fault().isRecorded(), name);
      return;
    }
    assertEquals(Completion.SUCCESS, status, name);
    if (reason == FaultReason.SFS_10) {
      assertEquals(reason.code(), lab.code());
      assertTrue(lab.fault().isRecorded(), "SFS.10 is also reported as non-recoverable");
    } else if (lab.code() != 0) {
      assertEquals(Outcome.NO_RIGHTS.packed(), lab.answer(), name);
      assertFalse(lab.fault().isRecorded(), name);
    } else {
      // Where one right alone is missing, the other one is granted.
      boolean oneRight =
          EnumSet.of(FaultReason.LGN_2, FaultReason.LGN_3, FaultReason.SGN_6, FaultReason.SGN_7)
              .contains(reason);
      assertTrue(oneRight, name);
      assertTrue(AtsReply.rights(lab.answer()) == R || AtsReply.rights(lab.answer()) == W, name);
    }
  }

  private void granted(long address, int spanLog2, int rights) {
    long answer = lab.answer();
    assertEquals(Completion.SUCCESS, AtsReply.status(answer), AtsReply.describe(answer));
    assertEquals(Access.describe(rights), Access.describe(AtsReply.rights(answer)));
    assertEquals(Long.toHexString(address), Long.toHexString(AtsReply.address(answer)));
    assertEquals(spanLog2, AtsReply.sizeLog2(answer));
  }

  private void withoutRights() {
    assertEquals(Outcome.NO_RIGHTS.packed(), lab.answer(), AtsReply.describe(lab.answer()));
    assertFalse(lab.fault().isRecorded());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void absentPasidStructuresCompleteWithoutRights(boolean directory) {
    lab.first();
    long at = lab.machine.pasidAddress(SOURCE, PASID);
    if (directory) {
      lab.ask(64 + PASID, IOVA, QUERY);
    } else {
      lab.flip(at, 0);
      lab.ask(PASID, IOVA, QUERY);
    }
    withoutRights();
    lab.ask(directory ? 64 + PASID : PASID, IOVA, R);
    assertEquals(directory ? 0x51 : 0x59, lab.code());
    assertTrue(lab.fault().isRecorded());
  }

  @Test
  void replyHoldsTheTranslationOfEachMode() {
    lab.asTranslationRequests();
    lab.legacy();
    lab.ask(-1, IOVA + 0x10, R | W);
    granted(PAGE, 12, R | W);
    lab.second();
    lab.ask(-1, IOVA + 0x10, R | W);
    granted(PAGE, 12, R | W);
    lab.first();
    lab.ask(PASID, IOVA + 0x10, R | W);
    granted(PAGE, 12, R | W);
  }

  @Test
  void replyOfNestedTablesHasTheRightsOfBothStages() {
    VtdLab.Nested nested = lab.nested();
    lab.ask(PASID, IOVA, QUERY_WRITE);
    granted(PAGE, 12, R | W);
    nested.second().map(GUEST_PAGE, PAGE, 12, SecondStageTables.R);
    lab.ask(PASID, IOVA, QUERY_WRITE);
    granted(PAGE, 12, R);
    nested.second().map(GUEST_PAGE, PAGE, 12, SecondStageTables.W);
    lab.ask(PASID, IOVA, QUERY_WRITE);
    granted(PAGE, 12, W);
    nested.first().map(IOVA, GUEST_PAGE, 12, USER_PAGE & ~FirstStageTables.RW);
    lab.ask(PASID, IOVA, QUERY_WRITE);
    withoutRights();
  }

  private void noWriteCounts(boolean counts) {
    lab.machine.register("ECAP", VtdMachine.ECAP & ~NWFS | (counts ? NWFS : 0));
  }

  private boolean dirty(FirstStageTables tables) {
    return (lab.memory.get(tables.entryAddress(IOVA, 1)) & FirstStageTables.D) != 0;
  }

  @Test
  void noWriteCountsOnlyWhereTheUnitHeedsIt() {
    FirstStageTables tables = lab.first().map(IOVA, PAGE, 12, USER_PAGE & ~FirstStageTables.D);
    noWriteCounts(true);
    lab.ask(PASID, IOVA, QUERY);
    granted(PAGE, 12, R);
    assertFalse(dirty(tables));
    noWriteCounts(false);
    lab.ask(PASID, IOVA, QUERY);
    granted(PAGE, 12, R | W);
    assertTrue(dirty(tables));
  }

  @Test
  void translationRequestForTheInterruptRangeIsToldToGoUntranslated() {
    lab.first();
    noWriteCounts(true);
    lab.ask(-1, WINDOW, QUERY_WRITE);
    assertEquals(Completion.SUCCESS, AtsReply.status(lab.answer()));
    assertTrue(AtsReply.isUntranslatedOnly(lab.answer()));
    assertFalse(AtsReply.isTranslated(lab.answer()));
    assertEquals(W, AtsReply.rights(lab.answer()));
    assertEquals(0, AtsReply.address(lab.answer()));
    lab.ask(-1, WINDOW, QUERY);
    withoutRights();
    // With a PASID it is an address like any other.
    lab.ask(PASID, WINDOW, QUERY);
    withoutRights();
  }

  @Test
  void configurationIsJudgedBeforeTheInterruptRange() {
    lab.second();
    lab.flip(lab.machine.contextAddress(SOURCE), 2);
    lab.ask(-1, WINDOW, QUERY_WRITE);
    assertEquals(Completion.UNSUPPORTED_REQUEST, AtsReply.status(lab.answer()));
    assertEquals(0x44, lab.code());
  }

  @Test
  void passThroughWithPasidGivesNoInterruptAddresses() {
    lab.scalable().pasid(PasidEntry.passThrough(3));
    lab.ask(PASID, WINDOW, QUERY_WRITE);
    withoutRights();
    lab.ask(PASID, PAGE, QUERY_WRITE);
    granted(PAGE, 30, R | W);
  }

  @Test
  void translationOffAnswersUnsupportedRequestUnrecorded() {
    lab.second();
    lab.machine.register("GSTS", 0);
    lab.ask(-1, IOVA, QUERY);
    assertEquals(Completion.UNSUPPORTED_REQUEST, AtsReply.status(lab.answer()));
    assertEquals(Outcome.UNSUPPORTED_REQUEST.code(), lab.code());
    assertFalse(lab.fault().isRecorded());
  }

  @Test
  void executeIsGrantedToRequestsWithPasidThatAskForIt() {
    lab.first();
    // ERE of the PASID entry.
    lab.flip(lab.machine.pasidAddress(SOURCE, PASID), 129);
    lab.ask(PASID, IOVA, QUERY | X);
    granted(PAGE, 12, R | W | X);
    lab.ask(PASID, IOVA, QUERY);
    granted(PAGE, 12, R | W);
  }
}
