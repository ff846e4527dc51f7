package dev.nestwalk.device;

import static dev.nestwalk.device.SmmuGuest.limited;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Iommu;
import dev.nestwalk.dma.Access;
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
import java.util.concurrent.CompletableFuture;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Transfers over several pages: each piece goes where its page leads, and ends where that ends. */
@Timeout(60)
final class PortPiecesTest {
  private static final int SOURCE = 0x0010;
  private static final long BAR = 0xe000_0000L;

  // Pages of input: memory, another device's registers, nothing, memory, a doorbell.
  private static final long MEMORY = 0x4000_0000L;
  private static final long REGISTERS = MEMORY + 0x1000;
  private static final long NOTHING = MEMORY + 0x2000;
  private static final long BEHIND = MEMORY + 0x3000;
  private static final long BELL = MEMORY + 0x4000;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final SecondStageTables tables = new SecondStageTables(memory, 4);
  private final long first = memory.allocate();
  private final long second = memory.allocate();
  private final List<String> asked = new ArrayList<>();
  private final List<String> rung = new ArrayList<>();
  private final PlainUnit unit = build();

  private PlainUnit build() {
    tables.map(MEMORY, first, 12, 3).map(REGISTERS, BAR, 12, 3);
    tables.map(BEHIND, second, 12, 3).map(BELL, 0x0802_0000L, 12, 3);
    VtdMachine machine = new VtdMachine(memory).context(SOURCE, 0, 2, 5, tables.root());
    MmioTarget bar =
        new MmioTarget() {
          @Override
          public long read(long address, MemorySegment into, long at, long length) {
            asked.add("read %x, %x bytes".formatted(address, length));
            return length;
          }

          @Override
          public long write(long address, MemorySegment from, long at, long length) {
            asked.add("write %x, %x bytes".formatted(address, length));
            return length;
          }
        };
    InterruptSink sink = (address, data) -> rung.add("%x".formatted(address));
    UnitOptions options =
        UnitOptions.of(PlainUnit.over(memory), sink)
            .withMmio(bar)
            .withDoorbells(List.of(MemoryRange.ofSize(0x0802_0040, 8)));
    return new PlainUnit(Iommu.vtd(options.memory(), machine.registers(), 46), options);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private static MemorySegment ones(int count) {
    return MemorySegment.ofArray(new byte[count]).fill((byte) -1);
  }

  @Test
  void registersOfAnotherDeviceAreAskedForAPageAtOnce() {
    Port port = unit.port(SOURCE);
    assertEquals(0x1010, port.read(REGISTERS - 0x10, ones(0x1010)));
    assertEquals(0x1010, port.write(REGISTERS - 0x10, ones(0x1010)));
    assertEquals(List.of("read e0000000, 1000 bytes", "write e0000000, 1000 bytes"), asked);
  }

  @Test
  void aWriteReachesMemoryUpToWhereItIsRefused() {
    Port port = unit.port(SOURCE);
    assertEquals(0x10, port.write(NOTHING - 0x10, ones(0x20)));
    assertTrue(Translation.isFault(port.stoppedBy()));
    assertEquals(0x1010, port.write(REGISTERS - 0x10, ones(0x1020)));
    assertEquals(List.of("5 40002000", "5 40002000"), unit.faults);
    assertEquals(-1, memory.get(first + 0xff8));
  }

  /** What software ends without an error: the rest of the access, or its part of a page. */
  @ParameterizedTest(name = "write: {0}")
  @ValueSource(booleans = {false, true})
  void whatEndsWithoutAnErrorEndsWithItsPage(boolean write) throws InterruptedException {
    unit.stalling();
    memory.put(second, 0x77);
    MemorySegment last = ones(0x20);
    assertEquals(0x20, ended(write, NOTHING - 0x10, last));
    MemorySegment between = ones(0x20);
    assertEquals(0x20, ended(write, BEHIND - 0x10, between));
    assertEquals(write ? -1 : 0x77, memory.get(second));
    assertEquals(0, memory.get(second + 0x10));
    if (!write) {
      assertEquals(-1, word(last, 0x08), "the registers' own");
      assertEquals(0, word(last, 0x10));
      assertEquals(0, word(last, 0x18));
      assertEquals(0, word(between, 0x08));
      assertEquals(0x77, word(between, 0x10));
    }
  }

  private long ended(boolean write, long iova, MemorySegment bytes) throws InterruptedException {
    CompletableFuture<Long> done =
        inBackground(port -> write ? port.write(iova, bytes) : port.read(iova, bytes));
    unit.stalls.take().decide(Stall.Decision.ZERO);
    return done.join();
  }

  private static long word(MemorySegment bytes, long at) {
    return bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
  }

  private CompletableFuture<Long> inBackground(ToLongFunction<Port> access) {
    CompletableFuture<Long> result = limited();
    Thread.ofPlatform().start(() -> result.complete(access.applyAsLong(unit.port(SOURCE))));
    return result;
  }

  @Test
  void aRangeGoesOnAtThePageThatIsThereNow() throws InterruptedException {
    unit.stalling();
    DmaRuns runs = new DmaRuns(8);
    CompletableFuture<Long> done =
        inBackground(port -> port.translateRange(MEMORY + 8, 0x3ff8, Access.READ, runs));
    Stall stall = unit.stalls.take();
    assertEquals(NOTHING, stall.iova());
    tables.map(NOTHING, second, 12, 3);
    stall.decide(Stall.Decision.RETRY);
    assertEquals(0x3ff8, done.join());
    assertEquals(List.of("6 40002000"), unit.faults);
  }

  @Test
  void aDoorbellIsEachWordOfItsRange() {
    Port port = unit.port(SOURCE);
    MemorySegment word = MemorySegment.ofArray(new int[] {1});
    for (long at = BELL + 0x3c; at <= BELL + 0x48; at += 4) {
      assertEquals(4, port.write(at, word));
    }
    assertEquals(List.of("8020040", "8020044"), rung);
    assertEquals(List.of("write 802003c, 4 bytes", "write 8020048, 4 bytes"), asked);
  }
}
