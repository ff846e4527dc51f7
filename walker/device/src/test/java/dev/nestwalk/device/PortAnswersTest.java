package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Answers that a port gives: how long they hold others up, and what they lead to. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class PortAnswersTest {
  private static final int SOURCE = 0x0010;
  private static final long PAGE = 0x4000_0000L;
  private static final long ROM = 0x9000_0000L;
  private static final long WINDOW = 0x0800_0000L;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 32);
  private final MemorySegment rom = arena.allocate(4096, 8);
  private final SecondStageTables tables = new SecondStageTables(memory, 4);
  private final long page = memory.allocate();
  private final List<String> messages = new ArrayList<>();
  private final PlainUnit unit = build();

  private PlainUnit build() {
    VtdMachine machine = new VtdMachine(memory);
    tables.map(PAGE, page, 12, 3).map(PAGE + 0x1000, ROM, 12, 3);
    machine.context(SOURCE, 0, 2, 5, tables.root());
    InterruptSink sink = new DeviceMessages(messages);
    TableMemory.Run run = memory.runs().get(0);
    GuestMemory all = GuestMemory.builder().ram(run.first(), run.bytes()).rom(ROM, rom).build();
    UnitOptions options = UnitOptions.of(all, sink);
    return new PlainUnit(Iommu.vtd(all, machine.registers(), 46), options);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  /** The thread goes on to live, with other things to do. */
  @Test
  void answersThatAreDoneWithHoldNobodyUp() throws InterruptedException {
    List<Consumer<Port>> ways =
        List.of(
            port -> port.translate(PAGE, Access.READ),
            port -> port.translate(new long[] {PAGE}, new long[1], 0, 1, Access.READ),
            port -> port.translateRange(PAGE, 64, Access.READ, new DmaRuns(2)),
            port -> port.slice(PAGE, 64, Access.READ));
    for (Consumer<Port> way : ways) {
      CountDownLatch done = new CountDownLatch(1);
      CountDownLatch end = new CountDownLatch(1);
      Thread thread =
          new Thread(
              () -> {
                Port port = unit.port(SOURCE);
                way.accept(port);
                port.done();
                done.countDown();
                try {
                  end.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      thread.start();
      done.await();
      unit.iommu().invalidateAll();
      assertEquals(List.of(), unit.iommu().sync(5, TimeUnit.SECONDS));
      end.countDown();
      thread.join();
    }
  }

  /** A stall that ends with an answer refuses nothing. */
  @Test
  void aBatchCountsWhatIsRefusedInTheEnd() throws InterruptedException {
    unit.stalling();
    long[] answers = new long[3];
    AtomicInteger refused = new AtomicInteger(-1);
    Thread thread =
        new Thread(
            () ->
                refused.set(
                    unit.port(SOURCE)
                        .translate(
                            new long[] {PAGE, PAGE + 0x2000, PAGE + 0x3000},
                            answers,
                            0,
                            3,
                            Access.READ)));
    thread.start();
    Stall first = unit.stalls.take();
    assertEquals(PAGE + 0x2000, first.iova());
    tables.map(PAGE + 0x2000, page, 12, 3);
    first.decide(Stall.Decision.RETRY);
    Stall second = unit.stalls.take();
    assertEquals(PAGE + 0x3000, second.iova());
    second.decide(Stall.Decision.ABORT);
    thread.join();
    assertEquals(1, refused.get());
    assertEquals(page, Translation.address(answers[1]));
  }

  @Test
  void anAtomicOperationLeavesReadOnlyMemoryAlone() {
    rom.set(ValueLayout.JAVA_LONG, 8, 7);
    Port port = unit.port(SOURCE);
    assertEquals(0, port.fetchAdd(PAGE + 0x1008, 8, 1));
    assertFalse(port.stoppedBy() == 0 || Translation.isFault(port.stoppedBy()));
    assertEquals(7, rom.get(ValueLayout.JAVA_LONG, 8));
  }

  /** A window for interrupts that a restriction says, as SMMUs have it. */
  @Test
  void aWriteIntoAReservedInterruptWindowIsAMessage() {
    Region window = new Region(WINDOW, WINDOW | 0xf_ffff, RegionKind.MSI);
    unit.iommu().restrict(SOURCE, -1, RegionSet.of(List.of(window)), RegionSet.EMPTY);
    MemorySegment data = MemorySegment.ofArray(new byte[] {0x41, 0, 0, 0});
    assertEquals(4, unit.port(SOURCE).write(WINDOW + 0x40, data));
    assertEquals(List.of("10 8000040 41"), messages);
  }
}
