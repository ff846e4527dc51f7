package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Whole lives of an SMMUv3, items 60 to 64 of the list. */
final class SmmuWholeTest {
  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  /** Writes CR0 as Linux does: until CR0ACK equals the whole word. */
  private void enable(int cr0) {
    guest.w(0x20, cr0);
    assertEquals(cr0, guest.r(0x24));
  }

  private void linuxSync() {
    guest.command(0x46 | 2 << 12 | 3 << 22 | 15 << 24, 0);
    assertEquals(guest.prod(), guest.r(SmmuGuest.CMDQ_CONS));
  }

  @Test
  @DisplayName("60: the reset sequence of Linux, with HYP, PRI, ATS and messages")
  void linuxReset() {
    assertEquals(0, guest.r(0x20) & 1);
    enable(0);
    guest.w(0x28, 0xd75);
    guest.w(0x2c, 7);
    guest.w8(0x80, 1L << 62 | guest.register("STRTAB_BASE"));
    guest.w(0x88, guest.register("STRTAB_BASE_CFG"));
    guest.w8(0x90, 1L << 62 | guest.commands | guest.log2);
    guest.w(SmmuGuest.CMDQ_PROD, 0);
    guest.w(SmmuGuest.CMDQ_CONS, 0);
    enable(8);
    guest.command(0x04, 31);
    linuxSync();
    guest.command(0x20, 0);
    linuxSync();
    guest.command(0x30, 0);
    linuxSync();
    guest.w8(0xa0, 1L << 62 | guest.events | guest.log2);
    guest.w(SmmuGuest.EVENTQ_PROD, 0);
    guest.w(SmmuGuest.EVENTQ_CONS, 0);
    enable(0xc);
    guest.w8(0xc0, 1L << 62 | guest.pages | guest.log2);
    guest.w(SmmuGuest.PRIQ_PROD, 0);
    guest.w(SmmuGuest.PRIQ_CONS, 0);
    enable(0xe);
    enable(0x1e);
    guest.w(0x50, 0);
    assertEquals(0, guest.r(0x54));
    for (int config : new int[] {0x68, 0xb0, 0xd0}) {
      guest.w8(config, 0);
      guest.w8(config, SmmuGuest.DOORBELL);
      guest.w(config + 8, config);
      guest.w(config + 12, 1);
    }
    guest.w(0x50, 7);
    assertEquals(7, guest.r(0x54));
    enable(0x1f);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    assertEquals(SmmuGuest.OUTPUT, Translation.address(port.translate(SmmuGuest.IOVA, 1)));
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    assertEquals(List.of("fee00040 <- b0"), guest.signals());
    assertTrue(guest.unit.guestErrors().isEmpty(), guest.unit.guestErrors()::toString);
  }

  @Test
  @DisplayName("61: a kernel that finds the unit enabled: GBPA.ABORT, then CR0 = 0")
  void foundEnabled() {
    guest.start(SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.IOVA, Access.READ);
    assertEquals(1, guest.r(0x20) & 1);
    assertEquals(0, guest.r(0x44) >>> 31);
    guest.w(0x44, 0x8010_0000L | guest.r(0x44));
    assertEquals(0, guest.r(0x44) >>> 31);
    enable(0);
    assertTrue(Translation.isFault(port.translate(SmmuGuest.IOVA, Access.READ)), "aborts");
    linuxResetAfter();
    assertEquals(SmmuGuest.OUTPUT, Translation.address(port.translate(SmmuGuest.IOVA, 1)));
  }

  private void linuxResetAfter() {
    guest.w(SmmuGuest.CMDQ_PROD, 0);
    guest.w(SmmuGuest.CMDQ_CONS, 0);
    enable(8);
    guest.command(0x04, 31);
    guest.command(0x30, 0);
    linuxSync();
    enable(9);
  }

  @Test
  @DisplayName("62: saved and restored in the middle of a full queue that stopped")
  void savedInTheMiddle() {
    guest.start(SmmuGuest.ON);
    guest.put(0xff, 0);
    for (int i = 1; i < 16; i++) {
      guest.put(SmmuGuest.CMD_SYNC | 1 << 12, 0);
    }
    guest.ring();
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    guest.signals();
    SmmuUnit other = guest.newUnit(Map.of());
    other.restore(Snapshot.parse(guest.unit.snapshot().toString()));
    assertEquals(List.of(), guest.signals(), "no interrupt for what is there");
    for (int offset = 0; offset < 0x100; offset += 4) {
      assertEquals(guest.r(offset), other.mmioRead(offset, 4), Integer.toHexString(offset));
    }
    assertEquals(1, other.mmioRead(SmmuGuest.EVENTQ_PROD, 4));
    guest.ram.put(guest.commands, SmmuGuest.CMD_SYNC);
    other.mmioWrite(SmmuGuest.GERRORN, 4, 1);
    assertEquals(16, other.mmioRead(SmmuGuest.CMDQ_CONS, 4));
    assertEquals(15, guest.signals().size());
    Port after = other.port(SmmuGuest.STREAM);
    assertEquals(SmmuGuest.OUTPUT, Translation.address(after.translate(SmmuGuest.IOVA, 1)));
  }

  @Test
  @DisplayName("62: a queue that was not consumed yet goes on after the restore")
  void goesOnAfterRestore() {
    guest.start(SmmuGuest.ON & ~8);
    guest.sync();
    String state = guest.unit.snapshot().toString();
    SmmuUnit other = guest.newUnit(Map.of());
    String on = state.replace("CR0 17\n", "CR0 1f\n").replace("CR0ACK 17\n", "CR0ACK 1f\n");
    assertFalse(on.equals(state));
    other.restore(Snapshot.parse(on));
    assertEquals(1, other.mmioRead(SmmuGuest.CMDQ_CONS, 4));
  }

  @Test
  @DisplayName("62: a state that cannot be this unit's is refused, and nothing changes")
  void refusedStates() {
    guest.start(SmmuGuest.ON);
    String state = guest.unit.snapshot().toString();
    List<String> bad =
        List.of(
            state.replaceFirst("IDR0 [0-9a-f]+", "IDR0 1"),
            state.replaceFirst("CR0 1f", "CR0 ffff"),
            state.replaceFirst("CR0 1f", "CR0"),
            state.replaceFirst("CR0 1f", "CR0 1f 1f"),
            state.replaceFirst("CR0 1f\n", ""),
            state.replaceFirst("smmuv3", "vtd"),
            state.replaceFirst("STALLS", "STALLS 1 2 3"),
            state.replaceFirst("STALLS", "STALLS 1 0 0 1 1 0 0 0 0"),
            state.replaceFirst("STALLS", "STALLS 1 100000 0 1 1 0 80000000 0 0"),
            state.replaceFirst("STALLS", "STALLS" + " 1 0 0 1 1 0 80000000 0 0".repeat(2)),
            state.replaceFirst("FAILED 0", "FAILED 2"),
            state.replaceFirst("GERROR 0", "GERROR 200"));
    for (String text : bad) {
      assertFalse(text.equals(state));
      assertThrows(
          IllegalArgumentException.class, () -> guest.unit.restore(Snapshot.parse(text)), text);
      assertEquals(state, guest.unit.snapshot().toString());
    }
  }

  @Test
  @DisplayName("63: doorbells of one thread while DMA of another runs: no answer is stale")
  void doorbellsBesideDma() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    AtomicLong floor = new AtomicLong();
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong count = new AtomicLong();
    AtomicLong stale = new AtomicLong();
    long leaf = guest.tables.descriptorAddress(SmmuGuest.IOVA, 3);
    long flags = guest.ram.get(leaf) & 0xfff0_0000_0000_0fffL;
    Thread device =
        new Thread(
            () -> {
              Port port = guest.unit.port(SmmuGuest.STREAM);
              while (!stop.get()) {
                long least = floor.get();
                long answer = port.translate(SmmuGuest.IOVA, Access.READ);
                if (Translation.isFault(answer) || Translation.address(answer) >>> 12 < least) {
                  stale.incrementAndGet();
                }
                port.done();
                count.incrementAndGet();
              }
            });
    device.start();
    for (long page = 0x80000; page < 0x80000 + 2000; page++) {
      guest.ram.put(leaf, flags | page << 12);
      guest.put(0x12, SmmuGuest.IOVA);
      guest.put(0x46, 0);
      guest.ring();
      assertEquals(guest.prod(), guest.r(SmmuGuest.CMDQ_CONS));
      floor.set(page);
    }
    while (count.get() < 1000) {
      LockSupport.parkNanos(100_000);
    }
    stop.set(true);
    device.join();
    assertEquals(0, stale.get());
  }

  @Test
  @DisplayName("64: switching between two stream tables is never half seen")
  void switchIsNeverHalfSeen() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    long other = guest.ram.allocateAligned(64L << 6);
    long[] bypass = new StreamEntry(4).words();
    for (int i = 0; i < bypass.length; i++) {
      guest.ram.put(other + 64L * SmmuGuest.STREAM + 8L * i, bypass[i]);
    }
    long first = guest.register("STRTAB_BASE");
    guest.w(0x44, 0x8010_0000L);
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong odd = new AtomicLong();
    AtomicLong count = new AtomicLong();
    Thread device =
        new Thread(
            () -> {
              Port port = guest.unit.port(SmmuGuest.STREAM);
              while (!stop.get()) {
                long answer = port.translate(SmmuGuest.IOVA, Access.READ);
                long address = Translation.address(answer);
                boolean known =
                    Translation.isFault(answer)
                        ? Translation.code(answer) == 0x102
                        : address == SmmuGuest.OUTPUT || address == SmmuGuest.IOVA;
                odd.addAndGet(known ? 0 : 1);
                port.done();
                count.incrementAndGet();
              }
            });
    device.start();
    for (int i = 0; i < 500 || count.get() < 1000; i++) {
      enable(SmmuGuest.ON & ~1);
      guest.w8(0x80, (i & 1) == 0 ? other : first);
      guest.w(0x88, (i & 1) == 0 ? 6 : guest.register("STRTAB_BASE_CFG"));
      enable(SmmuGuest.ON);
      Port mine = guest.unit.port(SmmuGuest.STREAM);
      long expected = (i & 1) == 0 ? SmmuGuest.IOVA : SmmuGuest.OUTPUT;
      assertEquals(expected, Translation.address(mine.translate(SmmuGuest.IOVA, Access.READ)));
      mine.done();
    }
    stop.set(true);
    device.join();
    assertEquals(0, odd.get());
  }
}
