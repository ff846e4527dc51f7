package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.limited;
import static dev.nestwalk.device.SmmuGuest.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which bits of an SMMUv3 are written and when, what ends stalls, and what a snapshot holds. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class SmmuLimitsTest {
  private static final int CR0 = 0x20;
  private static final int CR0ACK = 0x24;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  /** An access of a device that stalls; its answer. */
  private CompletableFuture<Long> stalled(long iova) {
    CompletableFuture<Long> answer = SmmuGuest.read(guest.unit, SmmuGuest.STALLING, iova);
    until(() -> guest.unit.snapshot().toString().contains(Long.toHexString(iova)));
    return answer;
  }

  @Test
  void halvesOfRegistersAreReadAndPairsAreWrittenEachForItself() {
    guest.w8(0x80, 0x0000_1234_5678_0000L);
    assertEquals(0x1234, guest.r(0x84));
    assertEquals(0x5678_0000L, guest.r(0x80));
    guest.w8(0xb8, 5L << 32 | 0x1234);
    assertEquals(0x1234, guest.r(0xb8), "EVENTQ_IRQ_CFG1");
    assertEquals(5, guest.r(0xbc), "EVENTQ_IRQ_CFG2");
  }

  @Test
  void interruptAndErrorBitsAreThoseOfTheUnit() {
    long idr0 = SmmuGuest.id("IDR0");
    long pri = 1L << 16;
    long msi = 1L << 13;
    long[][] units = {
      {idr0, 7, 0x1fd},
      {idr0 & ~pri, 5, 0x1b5},
      {idr0 & ~msi, 7, 0x10d},
      {idr0 & ~msi & ~pri, 5, 0x105}
    };
    for (long[] one : units) {
      try (SmmuGuest other = new SmmuGuest(Map.of("IDR0", one[0]))) {
        other.w(0x50, -1);
        assertEquals(one[1], other.r(0x50), "IRQ_CTRL");
        assertEquals(one[1], other.r(0x54), "IRQ_CTRLACK");
        other.w(SmmuGuest.GERRORN, -1);
        assertEquals(one[2], other.r(SmmuGuest.GERRORN), "GERRORN");
      }
    }
  }

  @Test
  void aNewUnitBypassesOrAbortsAsItsResetValueSays() {
    for (long abort : new long[] {0, 1 << 20}) {
      try (SmmuGuest other = new SmmuGuest(Map.of("GBPA", abort))) {
        Port port = other.unit.port(SmmuGuest.STREAM);
        assertEquals(abort != 0, Translation.isFault(port.translate(0x1000, Access.READ)));
        port.done();
      }
    }
  }

  @Test
  void aQueueAtTheBeginningOfMemoryIsRead() {
    guest.start(SmmuGuest.ON & ~8);
    long first = guest.ram.page(0);
    long[] words = {guest.ram.get(first), guest.ram.get(first + 8)};
    guest.w8(0x90, first | guest.log2);
    guest.ram.put(first, SmmuGuest.CMD_SYNC);
    guest.ram.put(first + 8, 0);
    guest.w(CR0, SmmuGuest.ON);
    guest.w(SmmuGuest.CMDQ_PROD, 1);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
    guest.ram.put(first, words[0]);
    guest.ram.put(first + 8, words[1]);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aStalledAccessEndsWithTheUnit(boolean fails) {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = stalled(SmmuGuest.NOWHERE);
    if (fails) {
      guest.unit.fail();
    } else {
      guest.unit.reset();
    }
    assertTrue(Translation.isFault(answer.join()) || !fails, "aborted, or made again in bypass");
    assertTrue(guest.unit.snapshot().toString().contains("STALLS\n"), "none is held");
  }

  @Test
  void aStalledAccessOutlivesOtherChangesOfTheUnit() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = stalled(SmmuGuest.NOWHERE);
    guest.w(CR0, SmmuGuest.ON & ~0x10);
    guest.w(CR0, SmmuGuest.ON);
    guest.w(CR0, SmmuGuest.ON & ~4);
    guest.w(CR0, SmmuGuest.ON);
    assertFalse(answer.isDone());
    guest.w(CR0, SmmuGuest.ON & ~1);
    assertTrue(Translation.isFault(answer.join()));
  }

  @Test
  void theRecordOfAStallIsWrittenOnceTheQueuesErrorIsAcknowledged() {
    guest.start(SmmuGuest.ON & ~4);
    guest.w8(0xa0, 0x7000_0000_0000L | guest.log2);
    guest.w(CR0, SmmuGuest.ON);
    CompletableFuture<Long> answer = stalled(SmmuGuest.NOWHERE);
    assertEquals(4, guest.r(0x60), "EVENTQ_ABT_ERR");
    guest.w(CR0, SmmuGuest.ON & ~4);
    guest.w8(0xa0, guest.events | guest.log2);
    guest.w(CR0, SmmuGuest.ON);
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD), "not while the error is active");
    guest.w(SmmuGuest.GERRORN, 4);
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
    guest.unit.reset();
    answer.join();
  }

  @Test
  void queuesAreAcknowledgedWhileACommandWaits() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    guest.put(4, 31);
    Thread vcpu = new Thread(guest::sync);
    vcpu.start();
    until(() -> vcpu.getState() == Thread.State.TIMED_WAITING);
    guest.w(CR0, SmmuGuest.ON & ~4);
    assertEquals(SmmuGuest.ON & ~4, guest.r(CR0ACK), "EVENTQEN");
    guest.w(CR0, SmmuGuest.ON & ~4 & ~8);
    assertEquals(8, guest.r(CR0ACK) & 8, "CMDQEN: a command is under way");
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(0, guest.r(CR0ACK) & 8);
  }

  @Test
  void aRecordOfAPageRequestHasTheAddressOfAnUnreadableEntry() {
    Map<String, Long> one = Map.of("IDR0", SmmuGuest.id("IDR0") | 1L << 23);
    try (SmmuGuest other = new SmmuGuest(one)) {
      other.log2 = 0;
      other.start(SmmuGuest.ON & ~1);
      other.w8(0x80, 0x7000_0000_0000L);
      other.w(0x88, 8);
      other.w(0x2c, 10);
      other.w(CR0, SmmuGuest.ON);
      Port port = other.unit.port(3, 3);
      port.requestPage(0x5000, Access.READ, 1, false);
      port.requestPage(0x5000, Access.READ, 1, true);
      assertEquals(1, other.r(SmmuGuest.EVENTQ_PROD));
      assertEquals(3, other.event(0, 0) & 0xff, "F_STE_FETCH");
      assertEquals(0x7000_0000_0000L + 64 * 3, other.event(0, 3));
    }
  }

  @Test
  void flagsOfASnapshotAreTakenOver() {
    guest.start(SmmuGuest.ON);
    guest.completion = DeviceTlb.Completion.TIMED_OUT;
    guest.command(0x40 | (long) SmmuGuest.ATS << 32, 0x1000);
    Snapshot state = guest.unit.snapshot();
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(Snapshot.parse(state.toString()));
    assertEquals(state, other.snapshot());
    guest.sync();
    assertEquals(3L << 24, guest.r(SmmuGuest.CMDQ_CONS) & 0x7f00_0000L, "CERROR_ATC_INV_SYNC");
    other.mmioWrite(SmmuGuest.CMDQ_PROD, 4, guest.prod());
    assertEquals(guest.r(SmmuGuest.CMDQ_CONS), other.mmioRead(SmmuGuest.CMDQ_CONS, 4));
    guest.unit.fail();
    SmmuUnit failed = guest.newUnit(Map.of());
    failed.restore(guest.unit.snapshot());
    assertTrue(failed.isFailed());
    Port port = failed.port(SmmuGuest.BYPASS);
    assertTrue(Translation.isFault(port.translate(0x1000, Access.READ)));
    port.done();
  }

  @Test
  void aSnapshotHoldsAsManyStallsAsThereAreTags() {
    guest.start(SmmuGuest.ON);
    List<CompletableFuture<Long>> answers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      answers.add(stalled(SmmuGuest.NOWHERE + 4096L * i));
    }
    Snapshot state = guest.unit.snapshot();
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(Snapshot.parse(state.toString()));
    assertEquals(state, other.snapshot());
    SmmuUnit fewer = guest.newUnit(Map.of("IDR5", SmmuGuest.id("IDR5") - (1 << 16)));
    assertThrows(IllegalArgumentException.class, () -> fewer.restore(state));
    SmmuUnit younger = guest.newUnit(Map.of("AIDR", 3L));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> younger.restore(state));
    assertEquals("snapshot: AIDR of 0x2, expected 0x3, as this unit has it", e.getMessage());
    guest.unit.reset();
    answers.forEach(CompletableFuture::join);
  }

  @Test
  void withVmwOtherCommandsReachWhatTheyName() {
    guest.start(SmmuGuest.ON | 1 << 6);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.IOVA, Access.READ);
    guest.tables.map(SmmuGuest.IOVA, SmmuGuest.OUTPUT + 0x1000, 3, 1L << 10 | 1L << 6);
    port.done();
    guest.sync();
    assertEquals(SmmuGuest.OUTPUT, Translation.address(port.translate(SmmuGuest.IOVA, 1)));
    port.done();
  }

  @Test
  void anInterruptThatIsNotEnabledIsNoFailedMessage() {
    guest.start(SmmuGuest.ON);
    guest.w(0x50, 0);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    port.done();
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(0, guest.r(0x60), "GERROR");
  }

  @Test
  void substreamZeroIsASubstream() {
    guest.start(SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.ATS, 0);
    port.requestPage(0x5000, Access.READ, 1, false);
    guest.unit.port(SmmuGuest.ATS).requestPage(0x5000, Access.READ, 1, false);
    assertTrue(guest.ram.get(guest.pages) != guest.ram.get(guest.pages + 16), "SSV");
    assertEquals(SmmuGuest.ATS, (int) guest.ram.get(guest.pages));
  }

  @Test
  void terminatingAStreamEndsItsAccessesAlone() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = stalled(SmmuGuest.NOWHERE);
    guest.command(0x45 | (long) SmmuGuest.STREAM << 32, 0);
    assertFalse(answer.isDone());
    guest.command(0x45 | (long) SmmuGuest.STALLING << 32, 0);
    assertTrue(Translation.isFault(answer.join()));
  }

  @Test
  void accessesThatWaitForATagEndWithTheUnitAndAreForgotten() {
    guest.start(SmmuGuest.ON);
    for (int round = 0; round < 2; round++) {
      List<CompletableFuture<Long>> answers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        answers.add(stalled(SmmuGuest.NOWHERE + 4096L * i));
      }
      CompletableFuture<Long> fifth = limited();
      Thread device =
          new Thread(
              () -> {
                Port port = guest.unit.port(SmmuGuest.STALLING);
                fifth.complete(port.translate(SmmuGuest.NOWHERE + 4096L * 9, Access.READ));
                port.done();
              });
      device.start();
      until(() -> device.getState() == Thread.State.WAITING);
      if (round == 1) {
        // Its turn comes when one of the others ends.
        guest.command(0x44 | 1 << 13 | (long) SmmuGuest.STALLING << 32, 0);
        String iova = Long.toHexString(SmmuGuest.NOWHERE + 4096L * 9);
        until(() -> guest.unit.snapshot().toString().contains(iova));
      }
      guest.w(CR0, SmmuGuest.ON & ~1);
      assertTrue(Translation.isFault(fifth.join()));
      answers.forEach(CompletableFuture::join);
      guest.w(SmmuGuest.EVENTQ_CONS, guest.r(SmmuGuest.EVENTQ_PROD));
      guest.w(CR0, SmmuGuest.ON);
    }
  }

  @Test
  void anAccessAfterARestoreTakesTheTagOfItsOwnRecordAlone() {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> answer = stalled(SmmuGuest.NOWHERE);
    String state = guest.unit.snapshot().toString();
    guest.unit.reset();
    answer.join();
    guest.unit.restore(Snapshot.parse(state));
    CompletableFuture<Long> other = stalled(SmmuGuest.NOWHERE + 4096);
    assertEquals(2, guest.r(SmmuGuest.EVENTQ_PROD), "a record of its own");
    guest.unit.reset();
    other.join();
  }

  @Test
  void aRestoredUnitHasNoBypassUnderWay() {
    String state = guest.unit.snapshot().toString();
    String update = state.replaceFirst("GBPA [0-9a-f]+", "GBPA 80000000");
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(Snapshot.parse(update));
    assertEquals(0, other.mmioRead(0x44, 4));
  }

  @Test
  void aRestoreIsDoneWhenNoDeviceUsesOlderAnswers() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    Snapshot state = guest.unit.snapshot();
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    Thread vcpu = new Thread(() -> guest.unit.restore(state));
    vcpu.start();
    vcpu.join(50);
    assertTrue(vcpu.isAlive());
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(state, guest.unit.snapshot());
  }

  @Test
  void aStalledAccessOfASubstreamIsTakenOver() {
    guest.start(SmmuGuest.ON);
    String plain = guest.unit.snapshot().toString();
    String stalled = plain.replaceFirst("STALLS", "STALLS 2 0 40305000 1 1 0 80000000 0 0");
    guest.unit.restore(Snapshot.parse(stalled));
    assertEquals(Snapshot.parse(stalled), guest.unit.snapshot());
  }
}
