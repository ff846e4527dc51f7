package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A device waits at its bell until it rings, and no guest waits for the device meanwhile. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class DoorbellTest {
  private final VtdRig rig = VtdRig.legacy().translate();
  private final Doorbell bell = rig.unit.doorbell();

  @AfterEach
  void close() {
    rig.close();
  }

  @Test
  void aThreadWaitsUntilTheBellRings() throws InterruptedException {
    AtomicBoolean rang = new AtomicBoolean();
    Thread device = new Thread(() -> rang.set(bell.awaitQuietly()));
    device.start();
    device.join(50);
    assertTrue(device.isAlive());
    bell.ring();
    device.join();
    assertTrue(rang.get());
  }

  @Test
  void anInterruptedThreadIsToldAndStaysInterrupted() {
    Thread.currentThread().interrupt();
    assertFalse(bell.awaitQuietly());
    assertTrue(Thread.interrupted());
  }

  @Test
  void aWaitThatEndsByTimeTellsSo() throws InterruptedException {
    assertFalse(bell.await(1, TimeUnit.MILLISECONDS));
    bell.ring();
    bell.ring();
    assertTrue(bell.await(1, TimeUnit.HOURS));
    assertFalse(bell.await(1, TimeUnit.MILLISECONDS), "both counted as one");
  }

  /** A guest may ring as often as it likes while the device is held up elsewhere. */
  @Test
  void noNumberOfRingsIsTooLarge() {
    for (int i = 0; i < 1000; i++) {
      bell.ring();
    }
    assertEquals(1, bell.permits());
  }

  /** A ring that comes when a wait's time is just over is heard by the next wait. */
  @Test
  void aRingIsHeardHoweverShortTheWaits() throws InterruptedException {
    int rounds = 20_000;
    AtomicInteger heard = new AtomicInteger();
    Thread guest =
        new Thread(
            () -> {
              for (int round = 0; round < rounds; round++) {
                bell.ring();
                while (heard.get() == round) {
                  Thread.onSpinWait();
                }
              }
            });
    guest.setDaemon(true);
    guest.start();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (heard.get() < rounds) {
      if (bell.await(1, TimeUnit.NANOSECONDS)) {
        heard.incrementAndGet();
      }
      assertTrue(System.nanoTime() < end, "a ring was lost after " + heard);
    }
    guest.join();
  }

  @Test
  void whoWaitsForSomeTimeIsDoneWithItsAnswersToo() throws InterruptedException {
    HoldingDevice device =
        HoldingDevice.start(
            rig.unit,
            VtdRig.SOURCE,
            port -> {
              port.translate(VtdRig.IOVA, Access.READ);
              try {
                bell.await(1, TimeUnit.MILLISECONDS);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    rig.unit.iommu().invalidateAll();
    assertEquals(0, rig.unit.iommu().sync(100, TimeUnit.MILLISECONDS).size());
    device.letGo();
    device.join();
  }
}
