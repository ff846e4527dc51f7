package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.limited;
import static dev.nestwalk.device.SmmuGuest.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules of an SMMUv3's registers, queues and stalls that hold at an edge alone. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class SmmuEdgesTest {
  private static final int RESUME = 0x44;
  private static final long RETRY = 1 << 12;
  private static final long ABORT = 1 << 13;
  private static final long SID = (long) SmmuGuest.STALLING << 32;
  private static final int VMW = 1 << 6;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  private CompletableFuture<Long> stalled(long iova, int records) {
    CompletableFuture<Long> answer = SmmuGuest.read(guest.unit, SmmuGuest.STALLING, iova);
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == records);
    return answer;
  }

  @Test
  void aQueueBeginsAtAMultipleOfItsSizeWhateverTheBaseSays() {
    guest.start(SmmuGuest.ON & ~4);
    guest.w8(0xa0, guest.events + 0x60 | guest.log2);
    guest.w(0x20, SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    port.done();
    assertEquals((long) SmmuGuest.STREAM << 32 | 0x10, guest.event(0, 0));
    assertEquals(0, guest.ram.get(guest.events + 0x60));
  }

  /** IHI 0070, 6.3.9.6: with VMW each of these matches VMIDs apart from their low bits. */
  @ParameterizedTest
  @ValueSource(ints = {0x10, 0x11, 0x12, 0x13, 0x28, 0x2a})
  void withVmwAnInvalidationByVmidReachesOthersToo(int opcode) {
    guest.start(SmmuGuest.ON | VMW);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    assertEquals(SmmuGuest.OUTPUT, Translation.address(port.translate(SmmuGuest.IOVA, 1)));
    guest.tables.map(SmmuGuest.IOVA, SmmuGuest.OUTPUT + 0x1000, 3, 1L << 10 | 1L << 6);
    port.done();
    guest.command(opcode | 9L << 32 | 9L << 48, 0x7000_0000L);
    guest.sync();
    long expected = SmmuGuest.OUTPUT + 0x1000;
    assertEquals(expected, Translation.address(port.translate(SmmuGuest.IOVA, 1)));
    port.done();
  }

  @ParameterizedTest
  @ValueSource(ints = {0x10, 0x11, 0x12, 0x13, 0x28, 0x2a})
  void withoutVmwAnInvalidationByVmidReachesThatVmidAlone(int opcode) {
    guest.start(SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.IOVA, 1);
    guest.tables.map(SmmuGuest.IOVA, SmmuGuest.OUTPUT + 0x1000, 3, 1L << 10 | 1L << 6);
    port.done();
    guest.command(opcode | 9L << 32 | 9L << 48, 0x7000_0000L);
    guest.sync();
    assertEquals(SmmuGuest.OUTPUT, Translation.address(port.translate(SmmuGuest.IOVA, 1)));
    port.done();
  }

  @Test
  void aStallWhoseRecordIsNotWrittenCannotBeResumed() throws InterruptedException {
    guest.start(SmmuGuest.ON & ~4);
    CompletableFuture<Long> answer = stalled(SmmuGuest.NOWHERE, 0);
    until(() -> guest.unit.snapshot().toString().contains("STALLS 2 "));
    guest.command(RESUME | ABORT | SID, 0);
    assertFalse(answer.isDone());
    assertEquals(
        "no access is stalled with this tag: CMD_RESUME, once",
        guest.unit.guestErrors().toString());
    guest.w(0x20, SmmuGuest.ON);
    guest.command(RESUME | ABORT | SID, 0);
    assertTrue(Translation.isFault(answer.join()));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aUnitThatCanOnlyAbortReadsNoZeros(boolean abortsOnly) {
    Map<String, Long> model = Map.of("IDR0", SmmuGuest.id("IDR0") | (abortsOnly ? 1L << 26 : 0));
    try (SmmuGuest other = new SmmuGuest(model)) {
      other.start(SmmuGuest.ON);
      CompletableFuture<Long> read = limited();
      MemorySegment into = MemorySegment.ofArray(new byte[8]);
      new Thread(
              () -> {
                Port port = other.unit.port(SmmuGuest.STALLING);
                read.complete(port.read(SmmuGuest.NOWHERE, into));
              })
          .start();
      until(() -> other.r(SmmuGuest.EVENTQ_PROD) == 1);
      other.command(RESUME | SID, 0);
      assertEquals(abortsOnly ? 0 : 8, read.join());
    }
  }

  @Test
  void zerosEndWhereThePageThatIsMissingEnds() {
    guest.start(SmmuGuest.ON);
    long page = guest.ram.allocate();
    guest.ram.put(page, 0x1122_3344_5566_7788L);
    guest.tables.map(SmmuGuest.NOWHERE + 4096, page, 3, 1L << 10 | 1L << 6);
    MemorySegment into = MemorySegment.ofArray(new byte[24]);
    into.fill((byte) -1);
    CompletableFuture<Long> read = limited();
    new Thread(
            () -> {
              Port port = guest.unit.port(SmmuGuest.STALLING);
              read.complete(port.read(SmmuGuest.NOWHERE + 0xff0, into));
            })
        .start();
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 1);
    guest.command(RESUME | SID, 0);
    assertEquals(24, read.join());
    assertEquals(0, into.get(ValueLayout.JAVA_LONG_UNALIGNED, 8));
    assertEquals(0x1122_3344_5566_7788L, into.get(ValueLayout.JAVA_LONG_UNALIGNED, 16));
  }

  @Test
  void acknowledgingOneErrorResumesNothingThatAnotherStopped() {
    guest.start(SmmuGuest.ON);
    guest.command(0xff, 0);
    assertEquals(1, guest.r(0x60), "GERROR.CMDQ_ERR");
    guest.w8(0xa0, 0);
    guest.w(0x20, SmmuGuest.ON & ~4);
    guest.w8(0xa0, 0x7000_0000_0000L | guest.log2);
    guest.w(0x20, SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    port.done();
    assertEquals(5, guest.r(0x60), "and EVENTQ_ABT_ERR");
    guest.w(SmmuGuest.GERRORN, 4);
    assertEquals(1L << 24, guest.r(SmmuGuest.CMDQ_CONS) & 0x7f00_0000L, "the command is in error");
    guest.w(SmmuGuest.GERRORN, 5);
    assertEquals(1, guest.r(0x60) ^ guest.r(SmmuGuest.GERRORN), "the same command, again");
  }

  @Test
  void tablesStayGuardedUntilTheUnitHasLeftThem() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    Thread vcpu = new Thread(() -> guest.w(0x20, 0xe));
    vcpu.start();
    until(() -> guest.r(0x20) == 0xe);
    long before = guest.r8(0x80);
    guest.w8(0x80, 0x70_0000);
    assertEquals(before, guest.r8(0x80), "SMMUEN is 0, its acknowledgement is not");
    device.letGo();
    device.join();
    vcpu.join();
    guest.w8(0x80, 0x70_0000);
    assertEquals(0x70_0000, guest.r8(0x80));
  }

  @Test
  void registersHaveTheBitsOfTheUnitsCapabilities() {
    long idr0 = SmmuGuest.id("IDR0");
    // PRI without MSI: of the configuration of its interrupt, LO alone.
    try (SmmuGuest wired = new SmmuGuest(Map.of("IDR0", idr0 & ~(1L << 13)))) {
      wired.w(0xdc, -1);
      assertEquals(1L << 31, wired.r(0xdc));
      wired.w8(0xd0, -1);
      assertEquals(0, wired.r8(0xd0));
    }
    guest.w(0xdc, -1);
    assertTrue((guest.r(0xdc) & 0x7fff_ffffL) != 0, "memory attributes too");
    guest.w(0x2c, 1);
    assertEquals(idr0 >>> 9 & 1, guest.r(0x2c) & 1, "CR2.E2H needs IDR0.HYP");
    try (SmmuGuest plain = new SmmuGuest(Map.of("IDR0", idr0 & ~(1L << 9)))) {
      plain.w(0x2c, 7);
      assertEquals(6, plain.r(0x2c));
    }
    try (SmmuGuest hyp = new SmmuGuest(Map.of("IDR0", idr0 | 1L << 9))) {
      hyp.w(0x2c, 7);
      assertEquals(7, hyp.r(0x2c));
    }
  }

  @Test
  void anAccessThatFaultedBeforeTheUnitWasSwitchedOffIsNotHeldAfterwards() {
    guest.start(SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.STALLING);
    CompletableFuture<FaultRecord> fault = limited();
    new Thread(
            () -> {
              Port other = guest.unit.port(SmmuGuest.STALLING);
              other.translate(SmmuGuest.NOWHERE, Access.READ);
              fault.complete(other.lastFault());
              other.done();
            })
        .start();
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 1);
    guest.command(RESUME | ABORT | SID, 0);
    FaultRecord record = fault.join();
    guest.w(0x20, 0xe);
    assertNull(guest.unit.post(port, record));
    guest.w(0x20, SmmuGuest.ON);
    Stall held = guest.unit.post(port, record);
    assertTrue(held != null && held.iova() == SmmuGuest.NOWHERE);
    guest.command(RESUME | RETRY | SID, 0);
    port.done();
  }

  /** CR2: RECINVSID is bit 1, REC_CFG_ATS bit 3. */
  @ParameterizedTest
  @ValueSource(ints = {0, 2, 8, 10})
  void aPageRequestOfAnUnknownStreamIsRecordedIfBothBitsAskForIt(int cr2) {
    Map<String, Long> one = Map.of("IDR0", SmmuGuest.id("IDR0") | 1L << 23);
    try (SmmuGuest other = new SmmuGuest(one)) {
      other.log2 = 0;
      other.start(SmmuGuest.ON & ~1);
      other.w(0x2c, cr2);
      other.w(0x20, SmmuGuest.ON);
      Port port = other.unit.port(0x7fff_ffff, 3);
      port.requestPage(0x5000, Access.READ, 1, false);
      port.requestPage(0x5000, Access.READ, 1, true);
      assertEquals(cr2 == 10 ? 1 : 0, other.r(SmmuGuest.EVENTQ_PROD), "C_BAD_STREAMID");
      assertEquals(0, other.event(0, 3));
    }
  }

  /** A snapshot may be of the middle of a change: after the restore nothing is under way. */
  @Test
  void aRestoredUnitHasAcknowledgedWhatItWasAskedFor() {
    guest.start(SmmuGuest.ON);
    String text = guest.unit.snapshot().toString();
    String before = text.replaceFirst("CR0ACK 1f", "CR0ACK 0");
    assertNotEquals(text, before);
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(Snapshot.parse(before));
    assertEquals(SmmuGuest.ON, other.mmioRead(0x24, 4));
    assertEquals(text, other.snapshot().toString());
  }

  /** Another access than the one that a restored stall is of is held, and recorded, by itself. */
  @ParameterizedTest
  @CsvSource({"2, 0, 3", "1, 8, 3", "1, 4096, 3", "1, 0, 2"})
  void aRestoredStallIsOfItsOwnAccessAlone(int access, int distance, int records) {
    guest.start(SmmuGuest.ON);
    CompletableFuture<Long> first = stalled(SmmuGuest.NOWHERE, 1);
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(guest.unit.snapshot());
    Port port = other.port(SmmuGuest.STALLING);
    for (int time = 0; time < 2; time++) {
      // An interrupted device gives up at once: what held its access is recorded by then, and gone.
      Thread.currentThread().interrupt();
      port.translate(SmmuGuest.NOWHERE + distance, access);
      assertTrue(Thread.interrupted());
    }
    port.done();
    assertEquals(records, other.mmioRead(SmmuGuest.EVENTQ_PROD, 4));
    guest.w(0x20, 0);
    assertTrue(Translation.isFault(first.join()));
  }

  /** The last 32-bit word of memory takes a message as any other does. */
  @Test
  void aMessageReachesTheLastWordOfMemory() {
    guest.start(SmmuGuest.ON);
    long last = guest.ram.runs().get(0).first() + guest.ram.runs().get(0).bytes().byteSize() - 4;
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12 | 0x1234_5678L << 32, last);
    assertEquals(0x1234_5678L, guest.ram.get(last & -8) >>> 32);
    assertEquals(0, guest.ram.get(last & -8) & 0xffff_ffffL);
    assertEquals(List.of(), guest.signals());
  }
}
