package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What happens to an SMMUv3 while one of its commands or registers waits for devices. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class SmmuReentryTest {
  private static final long ATC_INV = 0x40 | (long) SmmuGuest.ATS << 32;
  private static final int CR0 = 0x20;
  private static final int GBPA = 0x44;
  private static final long UPDATE = 1L << 31;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  /** CMD_CFGI_ALL, CMD_SYNC. */
  private void invalidateAndSync() {
    guest.put(4, 31);
    guest.sync();
  }

  /** Starts a vCPU, and returns when what it does waits. */
  private static Thread waiting(Runnable work) {
    Thread vcpu = new Thread(work);
    vcpu.start();
    Thread.State state = vcpu.getState();
    while (state != Thread.State.TIMED_WAITING && state != Thread.State.WAITING) {
      assertTrue(vcpu.isAlive(), "it waits for the device");
      Thread.onSpinWait();
      state = vcpu.getState();
    }
    return vcpu;
  }

  @Test
  void commandsRungByADeviceThatDropsItsEntriesAreConsumedByTheSameRun() {
    guest.log2 = 1;
    guest.start(SmmuGuest.ON);
    AtomicInteger more = new AtomicInteger(6);
    guest.whileInvalidating =
        () -> {
          if (more.getAndDecrement() > 0) {
            guest.command(ATC_INV, 0x1000);
          }
        };
    guest.command(ATC_INV, 0x1000);
    assertEquals(7 & 3, guest.r(SmmuGuest.CMDQ_CONS), "seven commands, more than the queue holds");
    assertEquals(7, guest.signals().size());
    assertTrue(guest.unit.guestErrors().isEmpty(), guest.unit.guestErrors()::toString);
  }

  @Test
  void aResetWhileADeviceDropsItsEntriesLeavesTheUnitAsAfterPowerOn() {
    guest.start(SmmuGuest.ON);
    guest.whileInvalidating = guest.unit::reset;
    guest.command(ATC_INV, 0x1000);
    assertEquals(guest.newUnit(Map.of()).snapshot(), guest.unit.snapshot());
  }

  @Test
  void aResetWhileASyncWaitsLeavesTheUnitAsAfterPowerOn() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    Thread vcpu = waiting(this::invalidateAndSync);
    Thread machine = waiting(guest.unit::reset);
    device.letGo();
    device.join();
    vcpu.join();
    machine.join();
    assertEquals(guest.newUnit(Map.of()).snapshot(), guest.unit.snapshot());
  }

  @Test
  void aFailureWhileASyncWaitsLeavesItUnconsumed() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    Thread vcpu = waiting(this::invalidateAndSync);
    Thread machine = waiting(guest.unit::fail);
    device.letGo();
    device.join();
    vcpu.join();
    machine.join();
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(0x100, guest.r(0x60) & 0x100, "GERROR.SFM_ERR");
  }

  @Test
  void gbpaWrittenWhileAnUpdateIsUnderWayIsIgnoredAndCounted() throws InterruptedException {
    guest.start(0);
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    Thread vcpu = waiting(() -> guest.w(GBPA, UPDATE | 1L << 20));
    assertEquals(UPDATE | 1L << 20, guest.r(GBPA), "ABORT is on its way");
    guest.w(GBPA, UPDATE);
    assertEquals("write while UPDATE=1: GBPA, once", guest.unit.guestErrors().toString());
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(1L << 20, guest.r(GBPA), "the first value is in force");
  }

  @Test
  void aChangeThatALaterOneOvertakesIsAcknowledgedByTheLaterOne() throws InterruptedException {
    guest.start(0);
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    Thread first = waiting(() -> guest.w(CR0, 1));
    assertEquals(0, guest.r(CR0 + 4) & 1, "CR0ACK waits");
    Thread second = waiting(() -> guest.w(CR0, 0));
    assertEquals(0, guest.r(CR0));
    device.letGo();
    device.join();
    first.join();
    second.join();
    assertEquals(0, guest.r(CR0 + 4) & 1);
    guest.w(CR0, 1);
    assertEquals(1, guest.r(CR0 + 4) & 1);
  }

  @Test
  void aVcpuThatIsInterruptedStillWaitsAndStaysInterrupted() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    HoldingDevice device = guest.holding(SmmuGuest.BYPASS, SmmuGuest.OUTPUT);
    boolean[] interrupted = new boolean[1];
    Thread vcpu =
        waiting(
            () -> {
              invalidateAndSync();
              interrupted[0] = Thread.interrupted();
            });
    vcpu.interrupt();
    vcpu.join(50);
    assertTrue(vcpu.isAlive(), "the answer is in use");
    device.letGo();
    device.join();
    vcpu.join();
    assertTrue(interrupted[0]);
    assertEquals(2, guest.r(SmmuGuest.CMDQ_CONS));
  }

  @Test
  void anAccessThatFaultsAfterTheUnitFailedLeavesNoEvent() {
    guest.start(SmmuGuest.ON);
    guest.unit.fail();
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    port.requestPage(SmmuGuest.NOWHERE, Access.READ, 5, true);
    port.done();
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(0, guest.r(SmmuGuest.PRIQ_PROD));
    assertFalse(guest.signals().isEmpty(), "the page request is answered");
  }
}
