package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What changes translation is done when no device uses an answer from before it: its register tells
 * so then, and not before.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class VtdWaitsTest {
  /** CAP.PLMR, PHMR and ESRTPS. */
  private static final long CAP = VtdRig.CAP | 1L << 5 | 1L << 6;

  private VtdRig rig = new VtdRig(CAP, VtdRig.LEGACY);

  @AfterEach
  void close() {
    rig.close();
  }

  /** A change: what starts it, and how its end reads. */
  enum Change {
    ROOT_TABLE(0x18, 0xc000_0000L, 0x1c, 0xc000_0000L, 0xc000_0000L),
    TRANSLATION_OFF(0x18, 0, 0x1c, 0x8000_0000L, 0),
    PROTECTED_MEMORY(0x64, 0x8000_0000L, 0x64, 1, 1),
    CONTEXT_BY_REGISTER(0x2c, 0xa000_0000L, 0x2c, 0x8000_0000L, 0),
    IOTLB_BY_REGISTER(0xfc, 0x9000_0000L, 0xfc, 0x8000_0000L, 0);

    private final int at;
    private final long value;
    private final int status;
    private final long mask;
    private final long done;

    Change(int at, long value, int status, long mask, long done) {
      this.at = at;
      this.value = value;
      this.status = status;
      this.mask = mask;
      this.done = done;
    }
  }

  @ParameterizedTest
  @EnumSource
  void aChangeIsDoneWhenNoDeviceUsesOlderAnswers(Change change) throws InterruptedException {
    rig.translate();
    HoldingDevice device = rig.holding();
    Thread vcpu = new Thread(() -> rig.w32(change.at, change.value));
    vcpu.start();
    vcpu.join(50);
    assertTrue(vcpu.isAlive(), "the answer is in use");
    assertTrue((rig.r32(change.status) & change.mask) != change.done, "and the register tells so");
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(change.done, rig.r32(change.status) & change.mask);
  }

  /** With ESRTPS a new root table drops all by itself; without it caches may survive. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aNewRootTableDropsEverythingWhereTheUnitSaysSo(boolean esrtps) {
    rig.close();
    rig = new VtdRig(VtdRig.CAP | (esrtps ? 1L << 63 : 0), VtdRig.LEGACY);
    rig.unit = rig.newUnit(true);
    rig.translate();
    assertEquals(rig.page, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
    rig.second.map(VtdRig.IOVA, rig.page + 0x1000, 12, 3);
    rig.w32(0x18, 0xc000_0000L);
    long expected = esrtps ? rig.page + 0x1000 : rig.page;
    assertEquals(expected, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
  }

  @Test
  void protectedMemoryIsEnforcedWhateverIsKept() {
    rig.unit = rig.newUnit(true);
    rig.w32(0x68, 0);
    rig.w32(0x6c, 0x40_0000);
    assertEquals(0x1000, Translation.address(rig.dma(VtdRig.SOURCE, 0x1000, 1)), "off: unchanged");
    rig.w32(0x64, 0x8000_0000L);
    assertTrue(Translation.isFault(rig.dma(VtdRig.SOURCE, 0x1000, 1)));
    rig.w32(0x64, 0);
    assertEquals(0x1000, Translation.address(rig.dma(VtdRig.SOURCE, 0x1000, 1)));
  }

  @Test
  void aWaitIsDoneWhenNoDeviceUsesWhatWasInvalidatedBefore() throws InterruptedException {
    rig.translate().queue(0, false);
    HoldingDevice device = rig.holding();
    rig.put(0x12).putWait(1);
    Thread vcpu = new Thread(rig::ring);
    vcpu.start();
    vcpu.join(50);
    assertEquals(0, rig.status());
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(1, rig.status());
  }

  /** Translation is off when a device has let go of what it translated, not before. */
  private void endsWhenTheDeviceLetsGo(Runnable change) throws InterruptedException {
    rig.translate();
    HoldingDevice device = rig.holding();
    Thread vcpu = new Thread(change);
    vcpu.start();
    vcpu.join(50);
    assertTrue(vcpu.isAlive());
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(0, rig.gsts());
  }

  @Test
  void aResetIsDoneWhenNoDeviceUsesOlderAnswers() throws InterruptedException {
    endsWhenTheDeviceLetsGo(rig.unit::reset);
  }

  @Test
  void aRestoreIsDoneWhenNoDeviceUsesOlderAnswers() throws InterruptedException {
    Snapshot fresh = rig.unit.snapshot();
    endsWhenTheDeviceLetsGo(() -> rig.unit.restore(fresh));
  }

  /** A thread that is device and vCPU in one, as in an emulator with one thread for both. */
  @Test
  void twoThreadsThatCommandAtOnceBothComeToAnEnd() throws InterruptedException {
    rig.translate().queue(0, false);
    rig.put(0x12).putWait(1);
    Port port = rig.port(VtdRig.SOURCE);
    port.translate(VtdRig.IOVA, Access.READ);
    Thread vcpu = new Thread(rig::ring);
    vcpu.start();
    vcpu.join(50);
    assertEquals(0, rig.status(), "this thread's answer is in use");
    rig.w32(0x18, 0x4400_0000L); // off: its answer is not used any more
    vcpu.join();
    assertEquals(1, rig.status());
    assertEquals(0x4400_0000L, rig.gsts());
    assertTrue(rig.unit.iommu().sync(0, TimeUnit.SECONDS).isEmpty());
  }

  @Test
  void clearingAFaultDoesNotWaitForCommandsUnderWay() throws InterruptedException {
    rig.translate().queue(0, false);
    rig.fault(VtdRig.OTHER);
    rig.fault(VtdRig.SOURCE);
    assertEquals(3, rig.r32(0x34), "PFO and PPF");
    HoldingDevice device = rig.holding();
    rig.put(0x12).putWait(1);
    Thread vcpu = new Thread(rig::ring);
    vcpu.start();
    vcpu.join(50);
    rig.w32(0x34, 1);
    assertEquals(2, rig.r32(0x34));
    assertEquals(0, rig.status());
    device.letGo();
    device.join();
    vcpu.join();
    assertEquals(1, rig.status());
  }
}
