package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command queue, items 14 to 30 of the list of what a front end has to show. */
final class SmmuCommandQueueTest {
  private static final int TLBI_ALL = 0x30;
  private static final int ILL = 1;
  private static final long ERR = 0x7f00_0000L;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  private static long errorOf(SmmuGuest of) {
    return (of.r(SmmuGuest.CMDQ_CONS) & ERR) >>> 24;
  }

  private static long indexOf(SmmuGuest of) {
    return of.r(SmmuGuest.CMDQ_CONS) & 0xf_ffff;
  }

  @ParameterizedTest(name = "14: empty, full, wrap with 2^{0} entries")
  @ValueSource(ints = {0, 1, 8, 12})
  void emptyFullWrap(int log2) {
    guest.log2 = log2;
    guest.start(SmmuGuest.ON);
    for (int round = 0; round < 5; round++) {
      for (int i = 0; i < 1 << log2; i++) {
        guest.put(SmmuGuest.CMD_SYNC | 2 << 12, 0);
      }
      guest.ring();
      assertEquals(guest.prod(), guest.r(SmmuGuest.CMDQ_CONS), "a full queue is consumed");
      guest.sync();
      assertEquals(guest.prod(), guest.r(SmmuGuest.CMDQ_CONS));
    }
  }

  @Test
  @DisplayName("14: 2^19 entries")
  void longestQueue() {
    Map<String, Long> longest = Map.of("IDR1", SmmuGuest.id("IDR1") | 19L << 21);
    try (SmmuGuest big = new SmmuGuest(longest, 5000)) {
      big.log2 = 19;
      long place = big.ram.allocateAligned(16L << 19);
      for (int i = 0; i < 1 << 19; i++) {
        big.ram.put(place + 16L * i, 0x30);
      }
      big.w8(0x90, place | 19);
      big.w(0x20, 8);
      big.w(SmmuGuest.CMDQ_PROD, 1 << 19);
      assertEquals(1 << 19, big.r(SmmuGuest.CMDQ_CONS));
      big.w(SmmuGuest.CMDQ_PROD, 3 << 18);
      assertEquals(3 << 18, big.r(SmmuGuest.CMDQ_CONS), "the first half again");
      big.w(SmmuGuest.CMDQ_PROD, 3);
      assertEquals(3, big.r(SmmuGuest.CMDQ_CONS), "over the wrap");
    }
  }

  @Test
  @DisplayName("15: switching the queue on starts it without a doorbell")
  void startsWhenSwitchedOn() {
    guest.start(0);
    guest.put(SmmuGuest.CMD_SYNC | 1 << 12, 0);
    guest.ring();
    assertEquals(0, indexOf(guest));
    guest.w(0x20, 8);
    assertEquals(1, indexOf(guest));
    assertEquals(List.of("CMD_SYNC"), guest.signals());
  }

  /** Opcode, operands, whether legal on: the full unit, one without anything optional. */
  static List<Arguments> opcodes() {
    List<Arguments> all = new ArrayList<>();
    long full = SmmuGuest.id("IDR0");
    long stage1 = full & ~1L;
    long stage2 = full & ~2L;
    long noHyp = full & ~(1L << 9);
    long noAts = full & ~(1L << 10);
    long noPri = full & ~(1L << 16);
    long noStall = full | 1L << 24;
    int[] always = {0x01, 0x02, 0x03, 0x04, 0x30, 0x46};
    for (int opcode : always) {
      all.add(Arguments.of(opcode, 0L, full & ~(3L << 9) & ~(1L << 16), true));
    }
    int[][] byStage1 = {{0x05}, {0x06}, {0x10}, {0x11}, {0x12}, {0x13}};
    for (int[] one : byStage1) {
      all.add(Arguments.of(one[0], 0L, stage1, true));
      all.add(Arguments.of(one[0], 0L, stage2, false));
    }
    for (int opcode : new int[] {0x28, 0x2a}) {
      all.add(Arguments.of(opcode, 0L, stage2, true));
      all.add(Arguments.of(opcode, 0L, stage1, false));
    }
    for (int opcode : new int[] {0x20, 0x21, 0x22, 0x23}) {
      all.add(Arguments.of(opcode, 0L, full, true));
      all.add(Arguments.of(opcode, 0L, noHyp, false));
    }
    all.add(Arguments.of(0x40, 0L, full, true));
    all.add(Arguments.of(0x40, 0L, noAts, false));
    all.add(Arguments.of(0x41, 0L, full, true));
    all.add(Arguments.of(0x41, 0L, noPri, false));
    all.add(Arguments.of(0x41, 0x3000L, full, false));
    for (int opcode : new int[] {0x44, 0x45}) {
      all.add(Arguments.of(opcode, 0L, full, true));
      all.add(Arguments.of(opcode, 0L, noStall, false));
    }
    all.add(Arguments.of(0x46 | 3 << 12, 0L, full, false));
    all.add(Arguments.of(0x12, 1L << 10, full, false));
    List<Integer> legal = new ArrayList<>();
    all.forEach(one -> legal.add((Integer) one.get()[0]));
    for (int opcode = 0; opcode < 256; opcode++) {
      if (!legal.contains(opcode)) {
        all.add(Arguments.of(opcode, 0L, full, false));
      }
    }
    return all;
  }

  @ParameterizedTest(name = "16: 0x{0}, second word {1}, IDR0 {2}: legal {3}")
  @MethodSource("opcodes")
  void legalityOfOpcodes(int w0, long w1, long idr0, boolean legal) {
    try (SmmuGuest one = new SmmuGuest(Map.of("IDR0", idr0), 128)) {
      one.start(SmmuGuest.ON);
      one.command(w0, w1);
      assertEquals(legal ? 0 : ILL, errorOf(one));
      assertEquals(legal ? 1 : 0, indexOf(one));
      assertEquals(legal ? 0 : 1, one.r(0x60));
    }
  }

  @ParameterizedTest(name = "17: opcode {0} of the Secure world is illegal")
  @ValueSource(ints = {0x01, 0x03, 0x05, 0x12, 0x28, 0x30, 0x40, 0x41, 0x44, 0x45, 0x46})
  void secureBit(int opcode) {
    guest.start(SmmuGuest.ON);
    guest.command(opcode | 1 << 10, 0);
    assertEquals(ILL, errorOf(guest));
  }

  @Test
  @DisplayName("18: CERROR_ILL leaves what is before done, what is after untouched")
  void stopsAtTheBadCommand() {
    guest.start(SmmuGuest.ON);
    guest.put(0x40 | (long) SmmuGuest.ATS << 32, 52);
    guest.put(0xff, 0);
    guest.put(0x40 | (long) SmmuGuest.STREAM << 32, 52);
    guest.ring();
    assertEquals(List.of("3/-1 drops 0..ffffffffffffffff", "GERROR"), guest.signals());
    assertEquals(1, indexOf(guest));
    assertEquals(ILL, errorOf(guest));
    assertEquals(1, guest.r(0x60) ^ guest.r(0x64));
    guest.ring();
    assertEquals(List.of(), guest.signals(), "a doorbell does not resume it");
  }

  @Test
  @DisplayName("19: the slot is overwritten, the error acknowledged, the queue goes on by itself")
  void resumesAtTheAcknowledgement() {
    guest.start(SmmuGuest.ON);
    guest.put(0xff, 0);
    guest.put(SmmuGuest.CMD_SYNC | 1 << 12, 0);
    guest.ring();
    guest.signals();
    guest.ram.put(guest.commands, SmmuGuest.CMD_SYNC);
    guest.w(SmmuGuest.GERRORN, 1);
    assertEquals(2, guest.r(SmmuGuest.CMDQ_CONS), "ERR is 0 again");
    assertEquals(List.of("CMD_SYNC"), guest.signals());
    guest.command(0xff, 0);
    assertEquals(0, guest.r(0x60), "the second error turns the bit back");
    assertEquals(List.of("GERROR"), guest.signals());
  }

  @Test
  @DisplayName("20: PROD moved back to CONS under the error leaves an empty queue")
  void prodMovedBack() {
    guest.start(SmmuGuest.ON);
    guest.put(0x30, 0);
    guest.put(0xff, 0);
    guest.put(0xfe, 0);
    guest.ring();
    assertEquals(1, indexOf(guest));
    guest.w(SmmuGuest.CMDQ_PROD, 1);
    guest.w(SmmuGuest.GERRORN, 1);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(guest.r(0x60), guest.r(0x64));
  }

  @Test
  @DisplayName("21: CERROR_ABT for a queue outside memory; read again after it moved")
  void unreadableCommand() {
    guest.start(SmmuGuest.ON & ~8);
    guest.w8(0x90, 0x7f_0000_0000L | guest.log2);
    guest.w(0x20, SmmuGuest.ON);
    guest.sync();
    assertEquals(2, errorOf(guest));
    guest.w(0x20, SmmuGuest.ON & ~8);
    guest.w8(0x90, guest.commands | guest.log2);
    guest.w(0x20, SmmuGuest.ON);
    assertEquals(0, indexOf(guest), "not acknowledged yet");
    guest.w(SmmuGuest.GERRORN, 1);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
  }

  @Test
  @DisplayName("22: CERROR_ATC_INV_SYNC for a device that does not answer; CONS stays at the SYNC")
  void deviceThatDoesNotAnswer() {
    guest.start(SmmuGuest.ON);
    guest.completion = DeviceTlb.Completion.TIMED_OUT;
    guest.command(0x40 | (long) SmmuGuest.ATS << 32, 52);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS), "consumed");
    guest.signals();
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12, 0);
    assertEquals(3, errorOf(guest));
    assertEquals(1, indexOf(guest));
    assertEquals(List.of("GERROR"), guest.signals(), "no completion");
    guest.w(SmmuGuest.GERRORN, 1);
    assertEquals(2, guest.r(SmmuGuest.CMDQ_CONS), "the retried SYNC");
    assertEquals(List.of("CMD_SYNC"), guest.signals());
  }

  @Test
  @DisplayName("23: an error outlasts CMDQEN 1, 0, 1")
  void errorOutlastsSwitching() {
    guest.start(SmmuGuest.ON);
    guest.put(0xff, 0);
    guest.put(0x30, 0);
    guest.ring();
    guest.w(0x20, SmmuGuest.ON & ~8);
    guest.w(0x20, SmmuGuest.ON);
    assertEquals(0, indexOf(guest));
    assertEquals(ILL, errorOf(guest));
  }

  @Test
  @DisplayName("24: a doorbell of a queue that is off only moves PROD")
  void doorbellWhileOff() {
    guest.start(0);
    guest.sync();
    assertEquals(1, guest.r(SmmuGuest.CMDQ_PROD));
    assertEquals(0, guest.r(SmmuGuest.CMDQ_CONS));
  }

  @Test
  @DisplayName("25: inconsistent indexes consume nothing and are counted")
  void inconsistentIndexes() {
    guest.start(SmmuGuest.ON);
    guest.w(SmmuGuest.CMDQ_PROD, 0x11);
    assertEquals(0, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(
        "more commands than the queue has entries: CMDQ_PROD, once",
        guest.unit.guestErrors().toString());
    guest.w(SmmuGuest.CMDQ_PROD, 0xfff0_0000L);
    assertEquals(0, guest.r(SmmuGuest.CMDQ_CONS), "bits above the wrap have no meaning");
  }

  @Test
  @DisplayName("26: other vCPUs that ring for ever do not keep one call busy")
  void aCallConsumesOneQueueLengthAtMost() {
    guest.start(SmmuGuest.ON);
    AtomicInteger mine = new AtomicInteger();
    AtomicInteger all = new AtomicInteger();
    Thread caller = Thread.currentThread();
    List<Thread> others = Collections.synchronizedList(new ArrayList<>());
    guest.whileInvalidating =
        () -> {
          mine.addAndGet(Thread.currentThread().equals(caller) ? 1 : 0);
          if (all.incrementAndGet() < 100) {
            int before = guest.prod();
            Thread other = new Thread(() -> guest.command(0x40, 52));
            others.add(other);
            other.start();
            until(() -> guest.r(SmmuGuest.CMDQ_PROD) != before);
          }
        };
    guest.command(0x40, 52);
    assertEquals(1 << guest.log2, mine.get());
    until(() -> all.get() == 100 && guest.r(SmmuGuest.CMDQ_CONS) == guest.r(SmmuGuest.CMDQ_PROD));
    others.forEach(SmmuCommandQueueTest::join);
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  @DisplayName("26: a vCPU that rings serves one queue length, the other its own commands")
  void aCallIsBounded() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.STREAM, SmmuGuest.IOVA);
    guest.put(TLBI_ALL, 0);
    guest.put(SmmuGuest.CMD_SYNC, 0);
    Thread first = new Thread(guest::ring);
    first.start();
    until(() -> guest.r(SmmuGuest.CMDQ_CONS) == 1);
    Thread second = new Thread(guest::sync);
    second.start();
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS), "registers are read while SYNC waits");
    second.join(50);
    assertTrue(second.isAlive(), "its commands are not done");
    device.letGo();
    first.join(TimeUnit.SECONDS.toMillis(30));
    second.join(TimeUnit.SECONDS.toMillis(30));
    device.join();
    assertFalse(first.isAlive() || second.isAlive());
    assertEquals(3, guest.r(SmmuGuest.CMDQ_CONS));
  }

  @Test
  @DisplayName("26: CMDQEN = 0 is acknowledged when the command under way is consumed")
  void switchedOffWhileSyncWaits() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.STREAM, SmmuGuest.IOVA);
    guest.put(TLBI_ALL, 0);
    guest.put(SmmuGuest.CMD_SYNC, 0);
    guest.put(TLBI_ALL, 0);
    Thread vcpu = new Thread(guest::ring);
    vcpu.start();
    until(() -> guest.r(SmmuGuest.CMDQ_CONS) == 1);
    guest.w(0x20, SmmuGuest.ON & ~8);
    assertEquals(SmmuGuest.ON, guest.r(0x24), "not yet");
    device.letGo();
    vcpu.join();
    device.join();
    assertEquals(SmmuGuest.ON & ~8, guest.r(0x24));
    assertEquals(2, guest.r(SmmuGuest.CMDQ_CONS), "the SYNC is, what follows is not consumed");
  }

  @ParameterizedTest(name = "27: CMD_SYNC with CS = {0}")
  @ValueSource(ints = {0, 1, 2})
  void completionSignals(int cs) {
    guest.start(SmmuGuest.ON);
    guest.command(SmmuGuest.CMD_SYNC | cs << 12, 0);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(cs == 1 ? List.of("CMD_SYNC") : List.of(), guest.signals());
  }

  @Test
  @DisplayName("28: Linux's SYNC writes 0 to its own slot, untranslated, no interrupt controller")
  void messageToTheOwnSlot() {
    guest.start(SmmuGuest.ON);
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12 | 3 << 22 | 15 << 24, guest.commands);
    assertEquals(0, (int) guest.ram.get(guest.commands), "the first 32 bits of the command");
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(List.of(), guest.signals());
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12 | 0x1234_5678L << 32, SmmuGuest.DOORBELL);
    assertEquals(List.of("fee00040 <- 12345678"), guest.signals());
  }

  @Test
  @DisplayName("29: a SYNC whose message aborts is consumed; MSI_CMDQ_ABT_ERR tells")
  void messageThatAborts() {
    guest.start(SmmuGuest.ON);
    guest.takesMessages = false;
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12, SmmuGuest.DOORBELL);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(1 << 4, guest.r(0x60));
    assertEquals(List.of("fee00040 <- 0", "GERROR"), guest.signals());
    guest.w(SmmuGuest.GERRORN, 1 << 4);
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12, 1L << 49);
    assertEquals(0, guest.r(0x60), "beyond OAS: aborts, too, without asking");
    assertEquals(List.of("GERROR"), guest.signals());
  }

  @Test
  @DisplayName("30: CONS has moved when SYNC signals, and DMA that began before is over")
  void orderOfCompletion() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.STREAM, SmmuGuest.IOVA);
    guest.put(TLBI_ALL, 0);
    guest.put(SmmuGuest.CMD_SYNC | 1 << 12, 0);
    Thread vcpu = new Thread(guest::ring);
    vcpu.start();
    until(() -> guest.r(SmmuGuest.CMDQ_CONS) == 1);
    vcpu.join(30);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS), "the device still uses its answer");
    assertEquals(List.of(), guest.signals());
    device.letGo();
    until(() -> !guest.signals.isEmpty());
    assertEquals(2, guest.r(SmmuGuest.CMDQ_CONS));
    vcpu.join();
    device.join();
  }
}
