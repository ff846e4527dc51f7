package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A device's access is refused, and before the unit hears of it the unit is reset or restored: the
 * new state holds no fault of the old one, nor is an access lost that the new one refuses.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class ReplacedStateTest {
  private static final long NOWHERE = 0x7000_0000L;

  private final AtomicLong answer = new AtomicLong(-1);

  /** Replaces a unit's state while a device's thread is about to tell of a refusal. */
  private void replace(Unit unit, int source, long iova, Runnable replacement)
      throws InterruptedException {
    Thread device =
        new Thread(
            () -> {
              Port port = unit.port(source);
              answer.set(port.translate(iova, Access.READ));
              port.done();
            });
    device.setDaemon(true);
    unit.locked(
        () -> {
          device.start();
          until(() -> device.getState() == Thread.State.WAITING);
          replacement.run();
        });
    device.join();
  }

  @Test
  void aVtdResetForgetsFaultsUnderWay() throws InterruptedException {
    try (VtdRig rig = VtdRig.legacy().translate().unmask()) {
      Snapshot fresh = rig.newUnit().snapshot();
      replace(rig.unit, VtdRig.SOURCE, NOWHERE, rig.unit::clear);
      assertTrue(Translation.isFault(answer.get()), "it ended as refused");
      assertEquals(fresh, rig.unit.snapshot());
      assertEquals(List.of(), rig.sent());
      rig.translate();
      rig.fault(VtdRig.SOURCE);
      assertEquals(2, rig.r32(0x34), "PPF: later faults are recorded");
    }
  }

  @Test
  void anSmmuResetForgetsEventsUnderWay() throws InterruptedException {
    for (int stream : new int[] {SmmuGuest.STREAM, SmmuGuest.STALLING}) {
      try (SmmuGuest guest = new SmmuGuest()) {
        guest.start(SmmuGuest.ON);
        replace(guest.unit, stream, SmmuGuest.NOWHERE, guest.unit::clear);
        assertTrue(Translation.isFault(answer.get()), "it ended as refused");
        assertEquals(guest.newUnit(Map.of()).snapshot(), guest.unit.snapshot());
        assertTrue(guest.unit.guestErrors().isEmpty(), guest.unit.guestErrors()::toString);
        assertEquals(List.of(), guest.signals());
      }
    }
  }

  /** The access is made again under the restored registers, which record what they refuse. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRestoredVtdUnitRecordsItsOwnFaultsOnly(boolean translates) throws InterruptedException {
    try (VtdRig rig = VtdRig.legacy()) {
      Snapshot off = rig.unit.snapshot();
      rig.translate().unmask();
      Snapshot on = rig.unit.snapshot();
      Snapshot restored = translates ? on : off;
      replace(rig.unit, VtdRig.SOURCE, NOWHERE, () -> rig.unit.load(restored));
      assertEquals(translates, Translation.isFault(answer.get()));
      assertEquals(translates ? 2 : 0, rig.r32(0x34), "PPF");
      assertEquals(translates ? 1 : 0, rig.sent().size(), "one event");
      if (!translates) {
        assertEquals(off, rig.unit.snapshot());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRestoredSmmuRecordsItsOwnEventsOnly(boolean translates) throws InterruptedException {
    try (SmmuGuest guest = new SmmuGuest()) {
      guest.start(SmmuGuest.ON & ~1);
      Snapshot off = guest.unit.snapshot();
      guest.w(0x20, SmmuGuest.ON);
      Snapshot restored = translates ? guest.unit.snapshot() : off;
      replace(guest.unit, SmmuGuest.STREAM, SmmuGuest.NOWHERE, () -> guest.unit.load(restored));
      assertEquals(translates, Translation.isFault(answer.get()));
      assertEquals(translates ? 1 : 0, guest.r(SmmuGuest.EVENTQ_PROD));
      if (!translates) {
        assertEquals(off, guest.unit.snapshot());
      }
    }
  }

  /** The thread of a device may be interrupted while it waits for the new state. */
  @Test
  void aDeviceThatGivesUpMeanwhileLeavesNothingBehind() throws InterruptedException {
    try (VtdRig rig = VtdRig.legacy().translate()) {
      HoldingDevice other = rig.holding();
      Thread machine = new Thread(rig.unit::reset);
      machine.start();
      until(() -> machine.getState() == Thread.State.TIMED_WAITING);
      FaultRecord fault = new FaultRecord();
      Stall stall = Objects.requireNonNull(rig.unit.post(rig.port(VtdRig.SOURCE), fault));
      rig.unit.giveUp(stall);
      other.letGo();
      other.join();
      machine.join();
      Thread.currentThread().interrupt();
      assertEquals(Stall.Decision.GIVEN_UP, stall.await(), "nobody decided");
      assertTrue(Thread.interrupted());
    }
  }

  /** The embedder resets, restores or saves from the callback of a command, as an SMMU lets it. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aVtdUnitIsReplacedWhileADeviceDropsItsEntries(boolean queueIsSwitchedOn) {
    try (VtdRig rig = VtdRig.scalable().translate()) {
      Snapshot fresh = rig.newUnit().snapshot();
      rig.queue(0, false);
      Snapshot running = rig.unit.snapshot();
      long deviceTlb = 3 | (long) VtdRig.SOURCE << 32;
      Runnable command =
          () -> {
            rig.put(deviceTlb, 0).putWait(1);
            if (queueIsSwitchedOn) {
              // Descriptors are there when QIE is set, in a write that keeps TE as well.
              rig.w32(0x18, 0x8000_0000L);
              rig.w64(0x88, 32);
              rig.w32(0x18, 0x8400_0000L);
            } else {
              rig.ring();
            }
          };
      rig.whileInvalidating = rig.unit::reset;
      command.run();
      assertEquals(fresh, rig.unit.snapshot());
      assertEquals(0, rig.status(), "the wait behind it is gone");

      rig.unit.restore(running);
      rig.queue(0, false);
      Snapshot again = rig.unit.snapshot();
      rig.whileInvalidating =
          () -> {
            assertEquals(0x8000_0000L, rig.unit.snapshot().value("GSTS") & 0x8000_0000L);
            rig.unit.restore(again);
          };
      rig.put(deviceTlb, 0).putWait(1).ring();
      assertEquals(again, rig.unit.snapshot());
      assertEquals(0, rig.status(), "the restored queue is empty");
    }
  }
}
