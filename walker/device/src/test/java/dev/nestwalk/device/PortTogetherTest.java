package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Answers that a device uses together are all of the time after the last wait, whatever was refused
 * among them; a guest whose invalidation was complete before finds none that is older.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class PortTogetherTest {
  private static final int SOURCE = 0x0010;
  private static final long FIRST = 0x4000_0000L;
  private static final long SECOND = FIRST + 0x1000;
  private static final long THIRD = FIRST + 0x2000;

  private static final int RESUME = 0x44;
  private static final long RETRY = 1 << 12;
  private static final long ABORT = 1 << 13;
  private static final long SID = (long) SmmuGuest.STALLING << 32;
  private static final long USER_PAGE = 1L << 10 | 1L << 6;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final SecondStageTables tables = new SecondStageTables(memory, 4);
  private final long pages = memory.allocateAligned(0x4000);
  private final PlainUnit unit = build();

  private PlainUnit build() {
    map(FIRST);
    VtdMachine machine = new VtdMachine(memory).context(SOURCE, 0, 2, 5, tables.root());
    UnitOptions options = UnitOptions.of(PlainUnit.over(memory), (address, data) -> true);
    return new PlainUnit(Iommu.vtd(options.memory(), machine.registers(), 46), options);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private void map(long iova) {
    tables.map(iova, pages + (iova - FIRST), 12, 3);
  }

  private void unmap(long iova) {
    tables.map(iova, 0, 12, 0);
  }

  /** Invalidates and waits, as a guest that is to be told when nobody uses older answers. */
  private void sync() {
    unit.iommu().invalidateAll();
    try {
      unit.iommu().sync();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A call whose answers are used together, of the page at FIRST and the one after it. */
  enum Call {
    BATCH,
    RANGE,
    SLICE
  }

  /** A device that makes a call; what it has then. */
  private static final class Device extends Thread {
    final long[] answers = new long[2];
    final DmaRuns runs = new DmaRuns(2);
    long returned = -1;
    long stoppedBy;
    @Nullable MemorySegment slice;
    private final Unit unit;
    private final int source;
    private final Call call;
    private final long first;

    Device(Unit unit, int source, Call call, long first) {
      this.unit = unit;
      this.source = source;
      this.call = call;
      this.first = first;
    }

    @Override
    public void run() {
      Port port = unit.port(source);
      long[] iovas = {first, first + 0x1000};
      switch (call) {
        case BATCH -> returned = port.translate(iovas, answers, 0, 2, Access.READ);
        case RANGE -> returned = port.translateRange(first, 0x2000, Access.READ, runs);
        case SLICE -> {
          slice = port.slice(first, 0x2000, Access.READ);
          stoppedBy = port.stoppedBy();
        }
      }
    }
  }

  private Device start(Call call) {
    Device device = new Device(unit, SOURCE, call, FIRST);
    device.start();
    return device;
  }

  /** Software takes the first page away while it holds the second. */
  private void heldWhileTheFirstPageMoves(Device device, long moved, Stall.Decision decision)
      throws InterruptedException {
    device.start();
    Stall stall = unit.stalls.take();
    assertEquals(SECOND, stall.iova());
    tables.map(FIRST, moved, 12, 3);
    sync(); // nobody waits for a device that is held
    if (decision == Stall.Decision.RETRY) {
      tables.map(SECOND, moved + 0x1000, 12, 3);
    }
    stall.decide(decision);
    device.join();
  }

  @ParameterizedTest
  @EnumSource
  void answersFromBeforeAStallAreMadeAgain(Stall.Decision decision) throws InterruptedException {
    long moved = pages + 0x2000;
    unit.stalling();
    Device device = new Device(unit, SOURCE, Call.BATCH, FIRST);
    heldWhileTheFirstPageMoves(device, moved, decision);
    assertEquals(moved, Translation.address(device.answers[0]));
    boolean retried = decision == Stall.Decision.RETRY;
    assertEquals(retried ? 0 : 1, device.returned);
    assertEquals(!retried, Translation.isFault(device.answers[1]));
    assertEquals(1, unit.faults.size(), "recorded once");
  }

  @ParameterizedTest
  @EnumSource
  void runsFromBeforeAStallAreMadeAgain(Stall.Decision decision) throws InterruptedException {
    long moved = pages + 0x2000;
    unit.stalling();
    Device device = new Device(unit, SOURCE, Call.RANGE, FIRST);
    heldWhileTheFirstPageMoves(device, moved, decision);
    boolean retried = decision == Stall.Decision.RETRY;
    assertEquals(retried ? 0x2000 : 0x1000, device.returned);
    assertEquals(1, device.runs.count());
    assertEquals(moved, device.runs.address(0));
    assertEquals(device.returned, device.runs.length(0));
    assertEquals(!retried, Translation.isFault(device.runs.refusal()));
    assertEquals(1, unit.faults.size(), "recorded once");
  }

  @ParameterizedTest
  @EnumSource
  void aSliceFromBeforeAStallIsMadeAgain(Stall.Decision decision) throws InterruptedException {
    long moved = pages + 0x2000;
    unit.stalling();
    Device device = new Device(unit, SOURCE, Call.SLICE, FIRST);
    heldWhileTheFirstPageMoves(device, moved, decision);
    if (decision == Stall.Decision.RETRY) {
      long at = moved - memory.runs().get(0).first();
      MemorySegment expected = memory.runs().get(0).bytes().asSlice(at, 0x2000);
      assertEquals(expected.address(), Objects.requireNonNull(device.slice).address());
    } else {
      assertNull(device.slice);
      assertTrue(Translation.isFault(device.stoppedBy));
    }
    assertEquals(1, unit.faults.size(), "recorded once");
  }

  /** What was translated before the refused byte is gone, too. */
  @ParameterizedTest
  @EnumSource(names = {"BATCH", "RANGE"})
  void whatIsGoneAfterAStallIsRefusedAndRecorded(Call call) throws InterruptedException {
    unit.stalling();
    Device device = start(call);
    Stall stall = unit.stalls.take();
    unmap(FIRST);
    sync();
    stall.decide(Stall.Decision.ABORT);
    Stall next = unit.stalls.take();
    assertEquals(FIRST, next.iova());
    next.decide(Stall.Decision.ABORT);
    device.join();
    assertEquals(2, unit.faults.size(), "each once: " + unit.faults);
    assertEquals(call == Call.BATCH ? 2 : 0, device.returned);
    assertEquals(0, device.runs.count());
    assertEquals(call == Call.RANGE, Translation.isFault(device.runs.refusal()));
  }

  @Test
  void aBatchEndsWhenSoftwareHasBroughtEachOfManyPages() throws InterruptedException {
    int count = 3 * Together.SETBACKS;
    long[] iovas = new long[count];
    Arrays.setAll(iovas, i -> SECOND + i * 4096L);
    long[] answers = new long[count + 1];
    unit.stalling();
    int[] refused = {-1};
    Thread device =
        new Thread(
            () -> {
              long[] shifted = new long[count + 1];
              System.arraycopy(iovas, 0, shifted, 1, count);
              refused[0] = unit.port(SOURCE).translate(shifted, answers, 1, count, Access.WRITE);
            });
    device.start();
    for (long iova : iovas) {
      Stall stall = unit.stalls.take();
      assertEquals(iova, stall.iova());
      tables.map(iova, pages, 12, 3);
      stall.decide(Stall.Decision.RETRY);
    }
    device.join();
    assertEquals(0, refused[0]);
    assertEquals(0, answers[0], "outside the batch");
    assertTrue(Arrays.stream(answers).skip(1).allMatch(one -> Translation.address(one) == pages));
    assertEquals(count, unit.faults.size());
  }

  /** A guest that has one page for two, and so never both of them mapped. */
  @ParameterizedTest
  @EnumSource
  void aCallEndsAlthoughSoftwareTakesBackWhatItGave(Call call) throws InterruptedException {
    unit.stalling();
    Device device = start(call);
    int given = 0;
    while (device.isAlive()) {
      Stall stall = unit.stalls.poll(10, TimeUnit.MILLISECONDS);
      if (stall != null) {
        unmap(stall.iova() == FIRST ? SECOND : FIRST);
        map(stall.iova());
        unit.iommu().invalidateAll();
        stall.decide(Stall.Decision.RETRY);
        given++;
      }
    }
    assertTrue(given > Together.SETBACKS && given < 3 * Together.SETBACKS, given + " pages given");
    assertEquals(1, unit.withdrawn.size(), "the device gave up once");
    switch (call) {
      case BATCH -> {
        assertEquals(1, device.returned);
        assertFalse(
            Translation.isFault(device.answers[0]) && Translation.isFault(device.answers[1]));
      }
      case RANGE -> {
        assertTrue(device.returned < 0x2000);
        assertTrue(Translation.isFault(device.runs.refusal()));
      }
      case SLICE -> assertNull(device.slice);
    }
  }

  /** An invalidation that comes while a refusal is recorded, of an answer given before it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 70})
  void aGuestWaitsForAnswersBesideRefusals(int refusals) throws InterruptedException {
    unit.whileRecording =
        () -> {
          if (unit.faults.size() == 1) {
            unmap(FIRST);
            unit.iommu().invalidateAll();
          }
        };
    long[] iovas = new long[1 + refusals];
    Arrays.setAll(iovas, i -> i == 0 ? FIRST : THIRD + i * 4096L);
    long[] answers = new long[1 + refusals];
    HoldingDevice device =
        HoldingDevice.start(
            unit,
            SOURCE,
            port -> assertEquals(refusals, port.translate(iovas, answers, 0, 1 + refusals, 1)));
    assertFalse(Translation.isFault(answers[0]), "given before the page was taken away");
    assertEquals(1, unit.iommu().sync(20, TimeUnit.MILLISECONDS).size(), "and in use");
    device.letGo();
    device.join();
    assertEquals(refusals, unit.faults.size(), "each recorded once");
    assertEquals(List.of(), unit.iommu().sync(5, TimeUnit.SECONDS));
  }

  /**
   * The whole way: a driver unmaps the first page with TLBI and CMD_SYNC while the second stalls.
   */
  @ParameterizedTest
  @ValueSource(longs = {RETRY, ABORT, 0})
  void anSmmuThatStallsOneOfTwoPagesGivesNoAnswerFromBeforeTheSync(long how) {
    for (Call call : Call.values()) {
      try (SmmuGuest guest = new SmmuGuest()) {
        guest.start(SmmuGuest.ON);
        Device device = new Device(guest.unit, SmmuGuest.STALLING, call, SmmuGuest.IOVA);
        device.setDaemon(true);
        device.start();
        until(() -> guest.r(SmmuGuest.EVENTQ_PROD) == 1);
        long moved = SmmuGuest.OUTPUT + 0x5000;
        guest.ram.put(guest.tables.descriptorAddress(SmmuGuest.IOVA, 3), 0);
        guest.command(0x30, 0); // CMD_TLBI_NSNH_ALL
        guest.sync();
        assertEquals(guest.prod(), guest.r(SmmuGuest.CMDQ_CONS), "the guest was told");
        guest.tables.map(SmmuGuest.IOVA, moved, 3, USER_PAGE);
        if (how == RETRY) {
          guest.tables.map(SmmuGuest.IOVA + 0x1000, moved + 0x1000, 3, USER_PAGE);
        }
        guest.command(RESUME | how | SID, guest.event(0, 1) & 0xffff);
        until(() -> !device.isAlive());
        assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD), "recorded once");
        if (call == Call.BATCH) {
          assertEquals(moved, Translation.address(device.answers[0]));
          assertEquals(how != RETRY, Translation.isFault(device.answers[1]));
        } else if (call == Call.RANGE) {
          assertEquals(moved, device.runs.address(0));
          assertEquals(how == RETRY ? 0x2000 : 0x1000, device.returned);
        }
      }
    }
  }
}
