package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Two threads, of which at least one is a vCPU and a device's thread in one and has an answer in
 * use, do something that waits at the same time: both come to an end.
 */
@Timeout(
    value = 60,
    unit = TimeUnit.SECONDS,
    threadMode = Timeout.ThreadMode.SEPARATE_THREAD) // a wait for devices ignores interrupts
final class UnitWaitsTest {
  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  /** What a vCPU does that may have to wait for another one or for devices. */
  enum Work {
    COMMANDS(SmmuGuest::ring),
    COMMANDS_ON(
        guest -> {
          guest.w(0x20, SmmuGuest.ON & ~8);
          guest.w(0x20, SmmuGuest.ON);
        }),
    TRANSLATION_OFF(guest -> guest.w(0x20, SmmuGuest.ON & ~1)),
    BYPASS(guest -> guest.w(0x44, 1L << 31)),
    FAILURE(guest -> guest.unit.fail()),
    RESET(guest -> guest.unit.reset()),
    RESTORE(guest -> guest.unit.restore(guest.unit.snapshot()));

    @SuppressWarnings("ImmutableEnumChecker") // every one is a lambda without state
    private final Consumer<SmmuGuest> make;

    Work(Consumer<SmmuGuest> make) {
      this.make = make;
    }
  }

  private void use() {
    guest.unit.port(SmmuGuest.STREAM).translate(SmmuGuest.IOVA, Access.READ);
  }

  /** Starts another vCPU with commands that wait for this thread's answer. */
  private Thread syncing() throws InterruptedException {
    guest.put(4, 31); // CMD_CFGI_ALL
    guest.put(SmmuGuest.CMD_SYNC, 0);
    Thread vcpu = new Thread(guest::ring);
    vcpu.setDaemon(true);
    vcpu.start();
    vcpu.join(50);
    assertTrue(vcpu.isAlive(), "this thread's answer is in use");
    return vcpu;
  }

  @ParameterizedTest
  @EnumSource
  void aVcpuThatUsesAnAnswerWaitsWithoutBeingWaitedFor(Work work) throws InterruptedException {
    guest.start(SmmuGuest.ON);
    use();
    Thread vcpu = syncing();
    work.make.accept(guest);
    vcpu.join();
    assertTrue(guest.unit.iommu().sync(0, TimeUnit.SECONDS).isEmpty());
  }

  /** GERRORN is written when the queue has stopped; the other vCPU waits in another way. */
  @Test
  void acknowledgingAStoppedQueueWaitsWithoutBeingWaitedFor() throws InterruptedException {
    guest.start(SmmuGuest.ON);
    guest.command(0xff, 0); // CERROR_ILL
    assertEquals(1, guest.r(0x60));
    guest.ram.put(guest.commands, 4);
    guest.ram.put(guest.commands + 8, 31);
    guest.put(SmmuGuest.CMD_SYNC, 0);
    guest.ring();
    use();
    Thread vcpu = new Thread(() -> guest.w(SmmuGuest.GERRORN, 1));
    vcpu.setDaemon(true);
    vcpu.start();
    vcpu.join(50);
    assertTrue(vcpu.isAlive(), "this thread's answer is in use");
    guest.w(SmmuGuest.GERRORN, 1);
    guest.ring();
    vcpu.join();
    assertEquals(guest.prod(), guest.r(SmmuGuest.CMDQ_CONS));
  }

  /** Two threads of this kind, each with an answer that the other one's change waits for. */
  @ParameterizedTest
  @EnumSource(names = {"TRANSLATION_OFF", "BYPASS", "FAILURE", "RESET", "RESTORE"})
  void twoThatUseAnswersBothComeToAnEnd(Work work) throws InterruptedException {
    guest.start(SmmuGuest.ON);
    use();
    Thread other =
        new Thread(
            () -> {
              use();
              work.make.accept(guest);
              // It lives on, and asks its ports for nothing.
              try {
                Thread.sleep(600_000);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    other.setDaemon(true);
    other.start();
    other.join(50);
    Work.TRANSLATION_OFF.make.accept(guest);
    assertTrue(guest.unit.iommu().sync(10, TimeUnit.SECONDS).isEmpty());
    other.interrupt();
    other.join();
  }
}
