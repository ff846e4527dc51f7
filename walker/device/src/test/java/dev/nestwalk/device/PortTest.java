package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.MemoryRange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

// In a thread of its own: an access that asks a target for ever is no answer to an interrupt.
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PortTest {
  private static final int SOURCE = 0x0010;
  private static final long PAGE = 0x4000_0000L;
  private static final long BAR = 0xe000_0000L;
  private static final long ITS = 0x0802_0040L;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final SecondStageTables tables = new SecondStageTables(memory, 4);
  private final long first = memory.allocate();
  private final long second = memory.allocate();
  private final List<String> messages = new ArrayList<>();
  private final byte[] bar = new byte[4096];
  private final VtdMachine machine = new VtdMachine(memory);

  // PAGE: memory, memory (not contiguous), registers of a device, an ITS, nothing, a hole.
  private final PlainUnit unit = build();

  private PlainUnit build() {
    tables.map(PAGE, second, 12, 3).map(PAGE + 0x1000, first, 12, 3);
    tables.map(PAGE + 0x2000, BAR, 12, 3).map(PAGE + 0x3000, ITS & -4096, 12, 3);
    tables.map(PAGE + 0x4000, 0xf000_0000L, 12, 3);
    machine.context(SOURCE, 0, 2, 5, tables.root());
    InterruptSink sink = new DeviceMessages(messages);
    UnitOptions options =
        UnitOptions.of(PlainUnit.over(memory), sink)
            .withMmio(new Bar())
            .withDoorbells(List.of(MemoryRange.ofSize(ITS, 8)));
    return new PlainUnit(Iommu.vtd(options.memory(), machine.registers(), 46), options);
  }

  private final class Bar implements MmioTarget {
    @Override
    public long read(long address, MemorySegment into, long at, long length) {
      if (address < BAR || address >= BAR + bar.length) {
        return 0;
      }
      MemorySegment.copy(MemorySegment.ofArray(bar), address - BAR, into, at, length);
      return length;
    }

    @Override
    public long write(long address, MemorySegment from, long at, long length) {
      if (address < BAR || address >= BAR + bar.length) {
        return 0;
      }
      MemorySegment.copy(from, at, MemorySegment.ofArray(bar), address - BAR, length);
      return length;
    }
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private static MemorySegment bytes(int count, int seed) {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = (byte) (i * 7 + seed);
    }
    return MemorySegment.ofArray(bytes);
  }

  private static MemorySegment word(int data) {
    MemorySegment word = MemorySegment.ofArray(new byte[4]);
    word.set(INT, 0, data);
    return word;
  }

  @Test
  void dmaCrossesPagesAndReachesRegistersOfOtherDevices() {
    Port port = unit.port(SOURCE);
    MemorySegment out = bytes(0x2800, 3);
    assertEquals(0x2800, port.write(PAGE + 0x400, out));
    assertEquals(0, port.stoppedBy());
    MemorySegment in = MemorySegment.ofArray(new byte[0x2800]);
    assertEquals(0x2800, port.read(PAGE + 0x400, in));
    assertEquals(-1, out.mismatch(in));
    assertEquals(out.get(ValueLayout.JAVA_BYTE, 0x1c00), bar[0], "the last page is a device's");
    assertEquals(List.of(), unit.faults);
  }

  @Test
  void aRefusalEndsTheAccessAndIsReportedOnce() {
    Port port = unit.port(SOURCE);
    MemorySegment buffer = bytes(16, 0);
    assertEquals(0, port.read(PAGE + 0x5000, buffer));
    assertTrue(Translation.isFault(port.stoppedBy()));
    assertEquals(List.of("6 40005000"), unit.faults);
    assertEquals(8, port.write(PAGE + 0xff8, bytes(8, 0)));
    assertEquals(0, port.stoppedBy());
    assertEquals(0, port.read(PAGE + 0x4ff8, buffer), "translated to where nothing is");
    assertFalse(Translation.isFault(port.stoppedBy()));
    assertEquals(1, unit.faults.size());
  }

  @Test
  void eachRefusalOfABatchIsReported() {
    Port port = unit.port(SOURCE);
    long[] iovas = {PAGE, PAGE + 0x5000, PAGE + 0x1000, PAGE + 0x6000};
    long[] answers = new long[4];
    assertEquals(2, port.translate(iovas, answers, 0, 4, Access.WRITE));
    assertEquals(List.of("5 40005000", "5 40006000"), unit.faults);
    assertEquals(second, Translation.address(answers[0]));
    assertEquals(first, Translation.address(answers[2]));
    long[] same = iovas.clone();
    assertThrows(
        IllegalArgumentException.class, () -> port.translate(same, same, 0, 4, Access.READ));
  }

  @Test
  void aRangeEndsAtARefusalWhichIsReported() {
    Port port = unit.port(SOURCE);
    DmaRuns runs = new DmaRuns(8);
    assertEquals(0x5000 - 16, port.translateRange(PAGE + 16, 0x8000, Access.READ, runs));
    assertEquals(List.of("6 40005000"), unit.faults);
    assertEquals(second + 16, runs.address(0));
  }

  @Test
  void aSliceIsTheMemoryItself() {
    Port port = unit.port(SOURCE);
    MemorySegment slice = port.slice(PAGE + 8, 16, Access.ATOMIC);
    assertNotNull(slice);
    slice.set(LONG, 8, 77);
    assertEquals(77, memory.get(second + 16));
    assertNull(port.slice(PAGE + 0xff8, 16, Access.READ), "not contiguous");
    assertEquals(List.of(), unit.faults);
    assertNull(port.slice(PAGE + 0x4ff8, 16, Access.READ), "refused");
    assertEquals(List.of("6 40005000"), unit.faults);
  }

  @Test
  void registersOfADeviceEndWithTheirPageAndTakeNoMoreThanTheyAreGiven() {
    Port port = unit.port(SOURCE);
    assertEquals(0x10, port.read(PAGE + 0x2ff0, bytes(0x20, 0)), "nothing answers behind it");
    assertEquals(0x10, port.write(PAGE + 0x2ff0, bytes(0x20, 0)));
    MmioTarget generous =
        new MmioTarget() {
          @Override
          public long read(long address, MemorySegment into, long at, long length) {
            return length + 100;
          }

          @Override
          public long write(long address, MemorySegment from, long at, long length) {
            return length + 100;
          }
        };
    PlainUnit other = new PlainUnit(unit.iommu(), unit.options().withMmio(generous));
    assertEquals(0x20, other.port(SOURCE).read(PAGE + 0x2fe0, bytes(0x20, 0)));
    assertEquals(0x20, other.port(SOURCE).write(PAGE + 0x2fe0, bytes(0x20, 0)));
  }

  @Test
  void aWriteGoesOnInMemoryBehindADevicesRegisters() {
    tables.map(PAGE + 0x3000, first, 12, 3);
    Port port = unit.port(SOURCE);
    assertEquals(0x20, port.write(PAGE + 0x2ff0, bytes(0x20, 5)));
    assertEquals(bytes(0x20, 5).get(LONG, 16), memory.get(first));
  }

  @Test
  void everyWayToGetAnswersProtectsThemUntilTheThreadIsDone() throws InterruptedException {
    List<Consumer<Port>> ways =
        List.of(
            port -> port.translate(PAGE, Access.READ),
            port -> port.translate(new long[] {PAGE}, new long[1], 0, 1, Access.READ),
            port -> port.translateRange(PAGE, 64, Access.READ, new DmaRuns(2)),
            port -> port.slice(PAGE, 64, Access.READ));
    for (Consumer<Port> way : ways) {
      HoldingDevice device = HoldingDevice.start(unit, SOURCE, way);
      unit.iommu().invalidateAll();
      assertEquals(1, unit.iommu().sync(20, TimeUnit.MILLISECONDS).size());
      device.letGo();
      device.join();
      unit.iommu().sync();
    }
  }

  @Test
  void interruptMessagesGoToTheSink() {
    Port port = unit.port(SOURCE);
    assertEquals(4, port.write(0xfee0_1004L, word(0x41)));
    assertEquals(4, port.write(PAGE + 0x3040, word(0x2000)));
    assertEquals(List.of("10 fee01004 41", "10 8020040 2000"), messages);
    assertEquals(0, port.write(0xfee0_1004L, word(DeviceMessages.REFUSED)), "nobody takes it");
    assertEquals(Outcome.INTERRUPT.code(), Translation.code(port.stoppedBy()));
    messages.clear();
    assertEquals(0, port.write(0xfee0_1004L, bytes(8, 0)), "not 32 bits");
    assertEquals(0, port.write(0xfee0_1002L, word(1)), "not aligned");
    assertEquals(0, port.write(PAGE + 0x3041, word(1)), "not aligned");
    assertEquals(0, port.read(0xfee0_1004L, word(1)), "a read is no message");
    assertEquals(List.of(), messages);
    assertEquals(List.of(), unit.faults);
  }

  @Test
  void atomicOperationsAreThoseOfPcie() {
    Port port = unit.port(SOURCE);
    memory.put(second + 8, 0xffff_ffff_0000_0005L);
    assertEquals(5, port.fetchAdd(PAGE + 8, 4, 0xffff_ffffL));
    assertEquals(0xffff_ffff_0000_0004L, memory.get(second + 8));
    assertEquals(0xffff_ffff_0000_0004L, port.swap(PAGE + 8, 8, 9));
    assertEquals(9, port.compareAndSwap(PAGE + 8, 8, 8, 1));
    assertEquals(9, memory.get(second + 8));
    assertEquals(9, port.compareAndSwap(PAGE + 8, 8, 9, 1));
    assertEquals(1, memory.get(second + 8));
    assertEquals(0, port.compareAndSwap(PAGE + 12, 4, 0, 0x8000_0000L));
    assertEquals(0x8000_0000L, port.swap(PAGE + 12, 4, 3));
    assertEquals(0x3_0000_0001L, memory.get(second + 8));
    assertEquals(0, port.stoppedBy());
    assertEquals(0, port.fetchAdd(PAGE + 0x5000, 8, 1));
    assertTrue(Translation.isFault(port.stoppedBy()));
    assertEquals(0, port.fetchAdd(PAGE + 0x2000, 8, 1), "registers take none");
    assertFalse(port.stoppedBy() == 0 || Translation.isFault(port.stoppedBy()));
    assertThrows(IllegalArgumentException.class, () -> port.swap(PAGE, 2, 0));
    assertThrows(IllegalArgumentException.class, () -> port.swap(PAGE + 4, 8, 0));
  }

  private Thread inBackground(AtomicLong result, MemorySegment buffer, CountDownLatch begun) {
    Thread thread =
        new Thread(
            () -> {
              Port port = unit.port(SOURCE);
              begun.countDown();
              result.set(port.read(PAGE + 0x4ff0, buffer));
            });
    thread.start();
    return thread;
  }

  @Test
  void aStalledAccessIsRepeatedOrEndsAsSoftwareDecides() throws InterruptedException {
    unit.stalling();
    tables.map(PAGE + 0x4000, first, 12, 3);
    AtomicLong result = new AtomicLong(-1);
    CountDownLatch begun = new CountDownLatch(1);
    MemorySegment buffer = bytes(0x30, 1);
    Thread thread = inBackground(result, buffer, begun);
    Stall stall = unit.stalls.take();
    assertEquals(PAGE + 0x5000, stall.iova());
    unit.iommu().invalidateAll();
    unit.iommu().sync(); // a held access holds nobody up
    stall.decide(Stall.Decision.RETRY);
    Stall again = unit.stalls.take();
    tables.map(PAGE + 0x5000, second, 12, 3);
    memory.put(second, 0x4242);
    again.decide(Stall.Decision.RETRY);
    thread.join();
    assertEquals(0x30, result.get());
    assertEquals(0x4242, buffer.get(LONG, 16));
  }

  @Test
  void aStalledAccessCanEndWithoutAnErrorOrAsRefusedOrBeGivenUp() throws InterruptedException {
    unit.stalling();
    tables.map(PAGE + 0x4000, first, 12, 3);
    long[] expected = {0x30, 0x10, 0x10};
    for (int i = 0; i < expected.length; i++) {
      AtomicLong result = new AtomicLong(-1);
      MemorySegment buffer = bytes(0x30, 1);
      Thread thread = inBackground(result, buffer, new CountDownLatch(1));
      Stall stall = unit.stalls.take();
      switch (i) {
        case 0 -> stall.decide(Stall.Decision.ZERO);
        case 1 -> stall.decide(Stall.Decision.ABORT);
        default -> thread.interrupt();
      }
      thread.join();
      assertEquals(expected[i], result.get());
      assertEquals(i == 0 ? 0 : bytes(0x30, 1).get(LONG, 16), buffer.get(LONG, 16));
      assertEquals(i == 2 ? List.of(stall) : List.of(), unit.withdrawn);
    }
  }

  @Test
  void aThreadThatHasDoneItsAccessesHoldsNobodyUp() throws InterruptedException {
    CountDownLatch read = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    Thread thread =
        new Thread(
            () -> {
              Port port = unit.port(SOURCE);
              port.read(PAGE, bytes(64, 0));
              port.write(PAGE, bytes(64, 0));
              port.fetchAdd(PAGE, 8, 1);
              read.countDown();
              awaitQuietly(end);
            });
    thread.start();
    read.await();
    unit.iommu().invalidateAll();
    unit.iommu().sync();
    end.countDown();
    thread.join();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void anAnswerIsProtectedUntilTheThreadIsDoneWithIt() throws InterruptedException {
    CountDownLatch translated = new CountDownLatch(1);
    CountDownLatch mayGoOn = new CountDownLatch(1);
    AtomicLong usedAt = new AtomicLong();
    Doorbell bell = unit.doorbell();
    Thread thread =
        new Thread(
            () -> {
              Port port = unit.port(SOURCE);
              port.translate(PAGE, Access.READ);
              translated.countDown();
              awaitQuietly(mayGoOn);
              usedAt.set(System.nanoTime());
              try {
                bell.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    thread.start();
    translated.await();
    unit.iommu().invalidateAll();
    AtomicLong syncedAt = new AtomicLong();
    Thread vcpu =
        new Thread(
            () -> {
              unit.mmioWrite(8, 8, 1); // waits for device threads
              syncedAt.set(System.nanoTime());
            });
    vcpu.start();
    // The register page answers other vCPUs meanwhile.
    unit.mmioWrite(0, 8, 5);
    assertEquals(5, unit.mmioRead(0, 8));
    vcpu.join(50);
    assertTrue(vcpu.isAlive(), "the answer is in use");
    mayGoOn.countDown();
    vcpu.join();
    assertTrue(syncedAt.get() > usedAt.get());
    bell.ring();
    thread.join();
  }

  @Test
  void aBellRungBeforeIsHeardOnce() throws InterruptedException {
    Doorbell bell = unit.doorbell();
    bell.ring();
    bell.ring();
    bell.await();
    assertFalse(bell.await(1, TimeUnit.MILLISECONDS));
  }

  @Test
  void aPortFollowsTheRegisters() {
    Port port = unit.port(SOURCE);
    assertEquals(second, Translation.address(port.translate(PAGE, Access.READ)));
    unit.change(Map.of("GSTS", 0L));
    assertEquals(PAGE, Translation.address(port.translate(PAGE, Access.READ)));
    unit.change(Map.of("GSTS", 1L << 31));
    assertEquals(second, Translation.address(port.translate(PAGE, Access.READ)));
  }

  @Test
  void portsOfOneThreadShareCachesAndOtherThreadsHaveTheirOwn() throws InterruptedException {
    Port port = unit.port(SOURCE);
    assertEquals(SOURCE, port.sourceId());
    assertEquals(-1, unit.port(SOURCE).pasid());
    assertEquals(7, unit.port(SOURCE, 7).pasid());
    assertEquals(unit, port.unit());
    assertSame(port.counters(), unit.port(SOURCE, 7).counters());
    AtomicLong other = new AtomicLong();
    Thread thread = new Thread(() -> other.set(unit.port(SOURCE).translate(PAGE, Access.READ)));
    thread.start();
    thread.join();
    assertEquals(other.get(), port.translate(PAGE, Access.READ));
    assertThrows(IllegalArgumentException.class, () -> unit.port(0x1_0000));
  }

  @Test
  void accessesOfOddSizeOrPlaceAreIgnoredAndCounted() {
    unit.mmioWrite(0, 8, 9);
    unit.mmioWrite(1, 4, -1);
    unit.mmioWrite(4, 8, -1);
    unit.mmioWrite(0, 0, -1);
    unit.mmioWrite(0, Integer.MIN_VALUE, -1);
    unit.mmioWrite(-8, 16, -1);
    assertEquals(9, unit.mmioRead(0, 8));
    assertEquals(0, unit.mmioRead(2, 4));
    assertEquals(0, unit.mmioRead(0, 2));
    assertEquals(7, unit.guestErrors().lines().size());
    assertTrue(
        unit.guestErrors().lines().contains("read of odd size or place: 2 bytes at 0x0, once"));
  }

  @Test
  void pageRequestsHaveGroupsOfNineBits() {
    Port port = unit.port(SOURCE);
    assertThrows(
        IllegalArgumentException.class, () -> port.requestPage(PAGE, Access.READ, 512, true));
    assertThrows(IllegalArgumentException.class, () -> port.requestPage(PAGE, 256, 0, true));
    port.requestPage(PAGE, 0, 511, true);
  }

  @Test
  void aTransferOfAnySizeGivesWhatTheEndpointGives() {
    Port port = unit.port(SOURCE);
    byte[] all = new byte[0x2000];
    port.write(PAGE, bytes(0x2000, 11));
    for (int from = 0; from < 0x1100; from += 123) {
      for (int length = 0; length < 0xf00; length += 77) {
        MemorySegment part = MemorySegment.ofArray(all);
        assertEquals(length, port.read(PAGE + from, part, 5, length));
        byte[] expected = bytes(0x2000, 11).asSlice(from, length).toArray(ValueLayout.JAVA_BYTE);
        byte[] got = part.asSlice(5, length).toArray(ValueLayout.JAVA_BYTE);
        assertArrayEquals(expected, got);
      }
    }
    MemorySegment small = MemorySegment.ofArray(new byte[4]);
    assertThrows(IndexOutOfBoundsException.class, () -> port.read(PAGE, small, 1, 4));
  }
}
