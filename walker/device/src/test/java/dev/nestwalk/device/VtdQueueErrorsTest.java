package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which of several errors of an invalidation queue is told, and what happens while it waits. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class VtdQueueErrorsTest extends WithVtdRig {
  private static final int IQE = 1 << 4;

  /** ECAP.ADMS, bit 52. */
  private static final long ABORT_MODE = 1L << 52;

  VtdQueueErrorsTest() {
    super(VtdRig.scalable());
  }

  private long error() {
    return (rig.r32(0x34) & IQE) == 0 ? 0 : rig.r64(0xb0) & 0xf;
  }

  @Test
  void theFirstErrorIsKeptUntilItIsCleared() {
    replace(VtdRig.legacy());
    rig.queue(0, false);
    rig.w64(0x88, 0x2000);
    assertEquals(1, error(), "a tail beyond the queue");
    rig.w64(0x90, VtdRig.QUEUE | 1 << 11);
    assertEquals(1, error(), "wide descriptors are an error too, but not the first");
    rig.w64(0x88, 0);
    rig.w32(0x34, IQE);
    rig.w64(0x90, VtdRig.QUEUE | 1 << 11);
    assertEquals(5, error());
  }

  @Test
  void aWideQueueThatWasSwitchedOnAllTheSameReportsItsWidthAgain() {
    replace(VtdRig.legacy());
    rig.w64(0x90, VtdRig.QUEUE | 1 << 11);
    rig.w32(0x34, IQE);
    assertEquals(0, error());
    rig.w32(0x18, 0x0400_0000L);
    assertEquals(5, error());
    assertEquals(0, rig.head());
  }

  @Test
  void abortModeAloneAllowsWideDescriptors() {
    replace(new VtdRig(VtdRig.CAP, VtdRig.LEGACY | ABORT_MODE));
    rig.queue(0, true).putWait(7).ring();
    assertEquals(0, error());
    assertEquals(7, rig.status());
  }

  /** TTM 2 is reserved; 3 aborts where ECAP.ADMS allows it. */
  @ParameterizedTest
  @CsvSource({
    "0, 1, 0x111, 4",
    "2, 1, 0x11, 7",
    "2, 1, 0x22, 7",
    "2, 1, 0x0d, 3",
    "3, 0, 0x11, 7",
    "3, 1, 0x111, 4",
    "3, 1, 0x11, 0",
    "2, 1, 0x25, 0"
  })
  void anUnsupportedModeIsToldOfKnownDescriptorsAlone(
      int mode, int aborts, long descriptor, int expected) {
    replace(new VtdRig(VtdRig.CAP, VtdRig.SCALABLE | aborts * ABORT_MODE));
    rig.w64(0x20, rig.machine.root() | (long) mode << 10);
    rig.w32(0x18, 0x4000_0000L);
    rig.queue(0, true).put(descriptor, descriptor == 0x25 ? VtdRig.STATUS : 0).ring();
    assertEquals(expected, error());
  }

  @Test
  void aDeviceIsToldToDropItsEntriesWhenNoThreadUsesOlderOnes() throws InterruptedException {
    rig.translate().queue(0, true);
    HoldingDevice device = rig.holding();
    rig.put(0x12).put(3 | (long) VtdRig.SOURCE << 32).putWait(1);
    Thread vcpu = new Thread(rig::ring);
    vcpu.start();
    vcpu.join(50);
    assertTrue(vcpu.isAlive(), "an answer from before the invalidation is in use");
    assertEquals(List.of(), rig.deviceInvalidations);
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(1, rig.deviceInvalidations.size());
    assertEquals(1, rig.status());
  }

  @Test
  void descriptorsRungByADeviceThatDropsItsEntriesAreCarriedOut() {
    rig.queue(0, true);
    rig.put(3 | (long) VtdRig.SOURCE << 32);
    long first = rig.tail();
    rig.put(3 | (long) VtdRig.OTHER << 32).putWait(4);
    rig.whileInvalidating = rig::ring;
    rig.w64(0x88, first);
    assertEquals(0, error());
    assertEquals(2, rig.deviceInvalidations.size());
    assertEquals(4, rig.status());
  }

  @Test
  void aDoorbellCarriesOutAsManyDescriptorsAsTheQueueHolds() {
    replace(new VtdRig(VtdRig.CAP, VtdRig.LEGACY | 1 << 2));
    rig.queue(0, false).put(3 | (long) VtdRig.SOURCE << 32);
    rig.whileInvalidating =
        () -> {
          if (rig.deviceInvalidations.size() < 2000) {
            rig.put(3 | (long) VtdRig.SOURCE << 32).ring();
          }
        };
    rig.ring();
    assertEquals(256, rig.deviceInvalidations.size(), "4096 bytes of descriptors of 16");
  }

  @Test
  void aQueueAtTheBeginningOfMemoryIsRead() {
    rig.poke64(0, 0x25 | 9L << 32);
    rig.poke64(8, VtdRig.STATUS);
    rig.w64(0x90, 0);
    rig.w32(0x18, 0x0400_0000L);
    rig.w64(0x88, 16);
    assertEquals(9, rig.status());
  }

  @Test
  void theLastDeviceThatFailedIsNamedForEachKindOfError() {
    rig.queue(0, true);
    rig.deviceAnswer = DeviceTlb.Completion.TIMED_OUT;
    fails(VtdRig.OTHER, 6);
    rig.deviceAnswer = DeviceTlb.Completion.UNEXPECTED;
    fails(VtdRig.OTHER, 5);
    fails(VtdRig.SOURCE, 5);
    assertEquals((long) VtdRig.SOURCE << 48 | (long) VtdRig.OTHER << 32, rig.r64(0xb0));
    rig.deviceAnswer = DeviceTlb.Completion.TIMED_OUT;
    fails(VtdRig.SOURCE, 6);
    assertEquals((long) VtdRig.SOURCE << 48 | (long) VtdRig.SOURCE << 32, rig.r64(0xb0));
  }

  private void fails(int source, int statusBit) {
    rig.put(3 | (long) source << 32).ring();
    assertEquals(1L << statusBit, rig.r32(0x34));
    rig.w32(0x34, 1L << statusBit);
  }
}
