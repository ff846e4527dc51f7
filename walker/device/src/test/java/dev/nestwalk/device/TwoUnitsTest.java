package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A thread with ports of two units that waits at one of them: guests of the other do not wait for
 * it meanwhile, and do again for the access that it was in the middle of.
 */
@Timeout(
    value = 60,
    unit = TimeUnit.SECONDS,
    threadMode = Timeout.ThreadMode.SEPARATE_THREAD) // a wait for devices ignores interrupts
final class TwoUnitsTest {
  private static final int SOURCE = 0x0010;
  private static final long PAGE = 0x4000_0000L;
  private static final long BAR = PAGE + 0x1000;
  private static final long NOTHING = PAGE + 0x2000;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final SecondStageTables tables = new SecondStageTables(memory, 4);
  private volatile Runnable target = () -> {};
  private final PlainUnit one = build();
  private final PlainUnit other = build();

  private PlainUnit build() {
    tables.map(PAGE, memory.allocate(), 12, 3).map(BAR, 0xe000_0000L, 12, 3);
    VtdMachine machine = new VtdMachine(memory).context(SOURCE, 0, 2, 5, tables.root());
    HookedTarget bar = new HookedTarget(() -> {}, () -> target.run());
    UnitOptions options =
        UnitOptions.of(PlainUnit.over(memory), (address, data) -> true).withMmio(bar);
    return new PlainUnit(Iommu.vtd(options.memory(), machine.registers(), 46), options);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  /** How a thread waits at a unit. */
  enum Wait {
    BELL {
      @Override
      void begin(PlainUnit unit, Doorbell bell) {
        bell.awaitQuietly();
      }

      @Override
      void end(PlainUnit unit, Doorbell bell, HoldingDevice device) {
        bell.ring();
      }
    },
    TIMED_BELL {
      @Override
      void begin(PlainUnit unit, Doorbell bell) {
        try {
          assertTrue(bell.await(1, TimeUnit.HOURS));
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }

      @Override
      void end(PlainUnit unit, Doorbell bell, HoldingDevice device) {
        bell.ring();
      }
    },
    STALL {
      @Override
      void begin(PlainUnit unit, Doorbell bell) {
        unit.port(SOURCE).translate(NOTHING, Access.READ);
        unit.done();
      }

      @Override
      void end(PlainUnit unit, Doorbell bell, HoldingDevice device) throws InterruptedException {
        unit.stalls.take().decide(Stall.Decision.ABORT);
      }
    },
    INVALIDATION {
      @Override
      void begin(PlainUnit unit, Doorbell bell) {
        unit.iommu().invalidateAll();
        unit.mmioWrite(8, 8, 1);
      }

      @Override
      void end(PlainUnit unit, Doorbell bell, HoldingDevice device) {
        device.letGo();
      }
    };

    abstract void begin(PlainUnit unit, Doorbell bell);

    abstract void end(PlainUnit unit, Doorbell bell, HoldingDevice device)
        throws InterruptedException;
  }

  private static void meet(CyclicBarrier here) {
    try {
      here.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void waitsFor(Thread thread) throws InterruptedException {
    Thread.State state = thread.getState();
    while (state != Thread.State.WAITING && state != Thread.State.TIMED_WAITING) {
      Thread.sleep(1);
      state = thread.getState();
    }
  }

  private void invalidateOther(int laggards) throws InterruptedException {
    other.iommu().invalidateAll();
    int time = laggards == 0 ? 5000 : 20;
    assertEquals(laggards, other.iommu().sync(time, TimeUnit.MILLISECONDS).size());
  }

  @ParameterizedTest
  @EnumSource
  void noGuestOfTheOtherUnitWaits(Wait wait) throws InterruptedException {
    one.stalling();
    HoldingDevice holder =
        HoldingDevice.start(one, SOURCE, port -> port.translate(PAGE, Access.READ));
    Doorbell bell = one.doorbell();
    Thread thread =
        new Thread(
            () -> {
              other.port(SOURCE).translate(PAGE, Access.READ);
              wait.begin(one, bell);
            });
    thread.setDaemon(true);
    thread.start();
    waitsFor(thread);
    invalidateOther(0);
    wait.end(one, bell, holder);
    thread.join();
    holder.letGo();
    holder.join();
  }

  /** The target of an access waits, twice over, and the access goes on. */
  @ParameterizedTest
  @EnumSource
  void theAccessThatWasInterruptedIsWaitedForAfterwards(Wait wait) throws InterruptedException {
    one.stalling();
    HoldingDevice holder =
        HoldingDevice.start(one, SOURCE, port -> port.translate(PAGE, Access.READ));
    Doorbell bell = one.doorbell();
    Doorbell second = other.doorbell();
    CyclicBarrier here = new CyclicBarrier(2);
    target =
        () -> {
          wait.begin(one, bell);
          meet(here);
          meet(here);
          other.locked(() -> other.outside(second::awaitQuietly));
        };
    Thread thread =
        new Thread(() -> other.port(SOURCE).write(BAR, MemorySegment.ofArray(new byte[8])));
    thread.setDaemon(true);
    thread.start();
    waitsFor(thread);
    invalidateOther(0);
    wait.end(one, bell, holder);
    meet(here);
    invalidateOther(1);
    meet(here);
    while (!other.iommu().sync(20, TimeUnit.MILLISECONDS).isEmpty()) {
      assertTrue(thread.isAlive());
    }
    invalidateOther(0);
    second.ring();
    thread.join();
    holder.letGo();
    holder.join();
    assertEquals(List.of(), other.iommu().sync(1, TimeUnit.SECONDS));
  }
}
