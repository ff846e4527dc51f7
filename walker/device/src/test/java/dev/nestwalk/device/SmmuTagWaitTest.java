package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.until;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Accesses beyond IDR5.STALL_MAX: each is tried again when a tag is free, whatever becomes of those
 * that waited before it. The unit of these tests has one tag.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class SmmuTagWaitTest {
  private static final int RESUME = 0x44;
  private static final int STALL_TERM = 0x45;
  private static final long RETRY = 1 << 12;
  private static final long ABORT = 1 << 13;
  private static final long SID = (long) SmmuGuest.STALLING << 32;
  private static final long OTHER = SmmuGuest.NOWHERE + 0x1000;

  /** Behind another table of pages. */
  private static final long FAR = SmmuGuest.NOWHERE + 0x20_0000;

  private final SmmuGuest guest =
      new SmmuGuest(Map.of("IDR5", SmmuGuest.id("IDR5") & 0xffff | 1L << 16));

  @AfterEach
  void close() {
    guest.close();
  }

  /** A device that reads a byte of a page. */
  private static final class Device extends Thread {
    private final SmmuUnit unit;
    private final long iova;
    volatile long answer;

    Device(SmmuUnit unit, long iova) {
      this.unit = unit;
      this.iova = iova;
      setDaemon(true);
    }

    @Override
    public void run() {
      Port port = unit.port(SmmuGuest.STALLING);
      answer = port.translate(iova, Access.READ);
      port.done();
    }

    /** It waits by now. */
    Device held() {
      start();
      until(() -> getState() == State.WAITING);
      return this;
    }
  }

  private Device held(long iova) {
    return new Device(guest.unit, iova).held();
  }

  private void map(long iova) {
    guest.tables.map(iova, SmmuGuest.OUTPUT + 0x3000, 3, 1L << 10 | 1L << 6);
  }

  private static void ends(Device device, boolean refused) {
    until(() -> !device.isAlive());
    assertEquals(refused, Translation.isFault(device.answer));
  }

  /** The device has the tag, and an event of its own. */
  private void isRecorded(int events, long iova) {
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == events);
    assertEquals(iova, guest.event(events - 1, 2));
  }

  @Test
  void whoNeedsNoTagAnyMoreLeavesItToTheNext() {
    guest.start(SmmuGuest.ON);
    Device first = held(SmmuGuest.NOWHERE);
    isRecorded(1, SmmuGuest.NOWHERE);
    Device same = held(SmmuGuest.NOWHERE);
    Device other = held(OTHER);
    map(SmmuGuest.NOWHERE);
    guest.command(RESUME | RETRY | SID, 0);
    ends(first, false);
    ends(same, false);
    isRecorded(2, OTHER);
    map(OTHER);
    guest.command(RESUME | RETRY | SID, 0);
    ends(other, false);
  }

  @Test
  void manyWaitForATagThatFewNeed() {
    guest.start(SmmuGuest.ON);
    List<Device> devices = new ArrayList<>();
    devices.add(held(SmmuGuest.NOWHERE));
    for (int i = 0; i < 8; i++) {
      devices.add(held(i % 4 == 3 ? OTHER + i * 4096L : SmmuGuest.NOWHERE));
    }
    map(SmmuGuest.NOWHERE);
    guest.command(RESUME | ABORT | SID, 0);
    for (int event = 2; event <= 3; event++) {
      int expected = event;
      until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == expected);
      guest.command(RESUME | ABORT | SID, 0);
    }
    for (int i = 0; i < devices.size(); i++) {
      ends(devices.get(i), i == 0 || i % 4 == 0);
    }
    assertEquals(3, guest.r(SmmuGuest.EVENTQ_PROD), "those that were refused");
  }

  /** Its walk reads a table outside memory, which is recorded at once and never stalls. */
  @Test
  void whoIsRefusedWithoutAStallLeavesTheTagToTheNext() {
    guest.start(SmmuGuest.ON);
    map(FAR - 0x1000);
    Device first = held(SmmuGuest.NOWHERE);
    isRecorded(1, SmmuGuest.NOWHERE);
    Device same = held(SmmuGuest.NOWHERE);
    Device other = held(FAR);
    guest.ram.put(guest.tables.descriptorAddress(SmmuGuest.NOWHERE, 2), 0xff_f000_0003L);
    guest.command(RESUME | ABORT | SID, 0);
    ends(first, true);
    ends(same, true);
    until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 3);
    int walk = guest.event(1, 0) == (SID | 0x10) ? 2 : 1;
    assertEquals(SID | 0xb, guest.event(walk, 0), "F_WALK_EABT");
    assertEquals(FAR, guest.event(3 - walk, 2), "has the tag");
    guest.command(STALL_TERM | SID, 0);
    ends(other, true);
  }

  @Test
  void whoIsInterruptedLeavesTheTagToTheNext() {
    guest.start(SmmuGuest.ON);
    Device first = held(SmmuGuest.NOWHERE);
    isRecorded(1, SmmuGuest.NOWHERE);
    Device gone = held(SmmuGuest.NOWHERE);
    Device other = held(OTHER);
    // The thread hears of both, in either order.
    guest.unit.locked(
        () -> {
          gone.interrupt();
          first.interrupt();
        });
    ends(first, true);
    ends(gone, true);
    until(() -> guest.event((int) guest.r(SmmuGuest.EVENTQ_PROD) - 1, 2) == OTHER);
    guest.command(STALL_TERM | SID, 0);
    ends(other, true);
  }
}
