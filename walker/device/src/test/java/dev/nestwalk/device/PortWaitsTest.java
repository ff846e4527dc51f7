package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a guest that invalidates waits for: accesses under way and answers in use, by each call. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class PortWaitsTest {
  private static final int SOURCE = 0x0010;
  private static final long PAGE = 0x4000_0000L;

  /** Registers of another device. */
  private static final long BAR = PAGE + 0x1000;

  /** Not mapped. */
  private static final long NOTHING = PAGE + 0x2000;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final SecondStageTables tables = new SecondStageTables(memory, 4);
  private final CyclicBarrier meanwhile = new CyclicBarrier(2);
  private final PlainUnit unit = build();
  private volatile boolean pauses;

  /** What the other device does when its registers are written. */
  private volatile Runnable target = () -> {};

  private PlainUnit build() {
    tables.map(PAGE, memory.allocate(), 12, 3).map(BAR, 0xe000_0000L, 12, 3);
    VtdMachine machine = new VtdMachine(memory).context(SOURCE, 0, 2, 5, tables.root());
    HookedTarget bar =
        new HookedTarget(
            this::pause,
            () -> {
              target.run();
              pause();
            });
    UnitOptions options =
        UnitOptions.of(PlainUnit.over(memory), (address, data) -> true).withMmio(bar);
    options.memory().setWriteListener((address, length) -> pause());
    return new PlainUnit(Iommu.vtd(options.memory(), machine.registers(), 46), options);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  /** In the middle of an access: what is to happen meanwhile happens. */
  private void pause() {
    if (pauses) {
      meet();
      meet();
    }
  }

  private void meet() {
    try {
      meanwhile.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IllegalStateException(e);
    }
  }

  private static MemorySegment bytes() {
    return MemorySegment.ofArray(new byte[8]);
  }

  /** An access that is complete when its call returns. */
  enum Transfer {
    READ(port -> port.read(BAR, bytes())),
    WRITE(port -> port.write(PAGE, bytes())),
    WRITE_TO_REGISTERS(port -> port.write(BAR, bytes())),
    FETCH_ADD(port -> port.fetchAdd(PAGE, 8, 1)),
    SWAP(port -> port.swap(PAGE, 4, 1)),
    COMPARE_AND_SWAP(port -> port.compareAndSwap(PAGE, 8, 0, 1));

    @SuppressWarnings("ImmutableEnumChecker") // every one is a lambda without state
    private final Consumer<Port> make;

    Transfer(Consumer<Port> make) {
      this.make = make;
    }
  }

  private void isWaitedForWhereItPauses(Thread device) throws InterruptedException {
    device.start();
    meet();
    pauses = false;
    unit.iommu().invalidateAll();
    assertEquals(1, unit.iommu().sync(20, TimeUnit.MILLISECONDS).size());
    meet();
    unit.iommu().sync();
    device.join();
  }

  @ParameterizedTest
  @EnumSource
  void anAccessIsWaitedForWhileItIsUnderWay(Transfer access) throws InterruptedException {
    Thread device = new Thread(() -> access.make.accept(unit.port(SOURCE)));
    pauses = true;
    isWaitedForWhereItPauses(device);
  }

  @ParameterizedTest
  @EnumSource
  void anAccessIsNotWaitedForOnceItIsMade(Transfer access) throws InterruptedException {
    nobodyWaitsAfter(access.make);
  }

  @Test
  void nobodyWaitsForAnswersThatAreDoneWith() throws InterruptedException {
    nobodyWaitsAfter(
        port -> {
          port.translate(PAGE, Access.READ);
          port.done();
        });
    nobodyWaitsAfter(
        port -> {
          port.translateRange(PAGE, 64, Access.READ, new DmaRuns(2));
          port.unit().done();
        });
  }

  private void nobodyWaitsAfter(Consumer<Port> use) throws InterruptedException {
    CountDownLatch used = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    Thread device =
        new Thread(
            () -> {
              use.accept(unit.port(SOURCE));
              used.countDown();
              try {
                end.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    device.start();
    used.await();
    unit.iommu().invalidateAll();
    assertEquals(0, unit.iommu().sync(100, TimeUnit.MILLISECONDS).size());
    end.countDown();
    device.join();
  }

  @Test
  void anAccessBetweenOtherUsesLeavesTheAnswersInUse() throws InterruptedException {
    HoldingDevice device =
        HoldingDevice.start(
            unit,
            SOURCE,
            port -> {
              port.translate(PAGE, Access.READ);
              port.read(PAGE, bytes());
            });
    unit.iommu().invalidateAll();
    assertEquals(1, unit.iommu().sync(20, TimeUnit.MILLISECONDS).size());
    device.letGo();
    device.join();
    unit.iommu().sync();
  }

  /** The target of an access is a device that does DMA at once, on the same thread. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  void anAccessIsWaitedForAfterAnotherOneWithinIt(int way) throws InterruptedException {
    target =
        () -> {
          Port other = unit.port(SOURCE);
          switch (way) {
            case 0 -> other.read(PAGE, bytes());
            case 1 -> other.fetchAdd(PAGE + 8, 8, 1);
            case 2 -> {
              other.translate(PAGE, Access.READ);
              other.done();
            }
            case 3 -> unit.mmioWrite(8, 8, 1); // waits for device threads
            case 4 ->
                waiting(
                    () -> {
                      other.read(PAGE, bytes());
                      other.translate(PAGE, Access.READ);
                    });
            default -> waiting(() -> waiting(() -> waiting(() -> other.read(PAGE, bytes()))));
          }
          pauses = true;
        };
    Thread device = new Thread(() -> unit.port(SOURCE).write(BAR, bytes()));
    isWaitedForWhereItPauses(device);
  }

  /** Does something while the thread waits for others, as far as its ports know. */
  private void waiting(Runnable work) {
    unit.locked(() -> unit.outside(work));
  }

  /** A device's thread that waits for another vCPU's work, with an answer or within an access. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void nobodyWaitsForAThreadThatWaitsItself(boolean withinAnAccess) throws InterruptedException {
    Runnable waits = () -> waiting(this::meet);
    target = waits;
    Thread device =
        new Thread(
            () -> {
              Port port = unit.port(SOURCE);
              port.translate(PAGE, Access.READ);
              if (withinAnAccess) {
                port.write(BAR, bytes());
              } else {
                waits.run();
              }
            });
    device.start();
    while (device.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    unit.iommu().invalidateAll();
    unit.iommu().sync();
    meet();
    device.join();
  }

  @Test
  void anAccessThatIsMadeAgainIsWaitedForAgain() throws InterruptedException {
    unit.stalling();
    Thread device = new Thread(() -> unit.port(SOURCE).read(NOTHING, bytes()));
    device.start();
    Stall stall = unit.stalls.take();
    unit.iommu().invalidateAll();
    unit.iommu().sync(); // a held access holds nobody up
    tables.map(NOTHING, 0xe000_1000L, 12, 3);
    pauses = true;
    stall.decide(Stall.Decision.RETRY);
    meet();
    pauses = false;
    unit.iommu().invalidateAll();
    assertEquals(1, unit.iommu().sync(20, TimeUnit.MILLISECONDS).size());
    meet();
    device.join();
  }

  @Test
  void whomAGuestWaitsForLongIsNoted() throws InterruptedException {
    HoldingDevice device =
        HoldingDevice.start(unit, SOURCE, port -> port.translate(PAGE, Access.READ));
    unit.iommu().invalidateAll();
    Thread vcpu = new Thread(() -> unit.mmioWrite(8, 8, 1)); // waits for device threads
    vcpu.start();
    while (unit.guestErrors().isEmpty()) {
      assertTrue(vcpu.isAlive());
      Thread.sleep(10);
    }
    assertEquals(1, unit.guestErrors().lines().size());
    assertTrue(unit.guestErrors().lines().get(0).startsWith("waited a second for: Thread-"));
    device.letGo();
    device.join();
    vcpu.join();
    assertFalse(vcpu.isInterrupted());
  }
}
