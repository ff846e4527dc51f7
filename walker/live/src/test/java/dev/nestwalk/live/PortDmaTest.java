package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.device.Port;
import dev.nestwalk.device.SmmuUnit;
import dev.nestwalk.device.UnitOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** DMA of a live machine's functions: what moves, what is refused, what is counted and told. */
class PortDmaTest {
  private static final int STREAM = 6;
  private static final long IOVA = 0x4030_2000L;
  private static final long IPA = 0x7000_0000L;
  private static final long RAM = 0x10_0000L;
  private static final int PAGE = 4096;
  private static final long FIRST_PAGE = 1L << 10 | 1L << 6;
  private static final long READ_ONLY = 1L << 7;
  private static final long SECOND_PAGE = 1L << 10 | 1L << 6 | 15L << 2;
  private static final long WRITABLE = 1L << 7;
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Arena arena = Arena.ofConfined();
  private final TableMemory ram = new TableMemory(arena).run(RAM, 128);

  /** Pages that follow each other: the first one is writable to the device, the second is not. */
  private final long pages = ram.allocateAligned(4 * PAGE);

  private final List<String> told = new ArrayList<>();
  private final LiveCounters counters = new LiveCounters();
  private final SmmuUnit unit = unit();
  private final Port port = unit.port(STREAM);
  private final PortDma dma =
      new PortDma(
          port,
          counters,
          (of, write, address, answer) ->
              told.add("%s %x".formatted(write ? "write" : "read", address)),
          List.of());

  @AfterEach
  void close() {
    arena.close();
  }

  /** Stage 1 and 2, with split-stage ATS: what a device keeps are intermediate addresses. */
  private SmmuUnit unit() {
    SmmuMachine machine = new SmmuMachine(ram);
    VmsaTables second = new VmsaTables(ram, 12, 1, 39);
    second.map(IPA, pages, 3, SECOND_PAGE | WRITABLE);
    second.map(IPA + PAGE, pages + PAGE, 3, SECOND_PAGE);
    VmsaTables first = new VmsaTables(ram, 12, 1, 39);
    first.map(IOVA, IPA, 3, FIRST_PAGE);
    first.map(IOVA + PAGE, IPA + PAGE, 3, FIRST_PAGE | READ_ONLY);
    long contexts = ram.allocate();
    machine.context(contexts, new ContextEntry(48).lower(first));
    StreamEntry entry = new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(second, 48);
    machine.stream(STREAM, entry.set(93));
    for (long page = ram.page(0); page <= ram.page(127); page += PAGE) {
      second.map(page, page, 3, SECOND_PAGE);
    }
    Map<String, Long> registers = new HashMap<>(machine.registers());
    registers.put("IDR0", SmmuMachine.IDR0 | 1L << 10);
    registers.put("IDR1", SmmuMachine.IDR1 | 8L << 21 | 8L << 16);
    registers.put("IDR5", SmmuMachine.IDR5 | 4L << 16);
    GuestMemory memory = GuestMemory.of(ram.runs().get(0).bytes(), RAM);
    SmmuUnit made = SmmuUnit.of(UnitOptions.of(memory, (address, data) -> true), registers);
    made.mmioWrite(0x80, 8, Objects.requireNonNull(registers.get("STRTAB_BASE")));
    made.mmioWrite(0x88, 4, Objects.requireNonNull(registers.get("STRTAB_BASE_CFG")));
    made.mmioWrite(0x20, 4, 0x11); // SMMUEN, ATSCHK
    return made;
  }

  private MemorySegment word(long value) {
    MemorySegment word = arena.allocate(8);
    word.set(LONG, 0, value);
    return word;
  }

  @Test
  void readsAndWritesAreCountedAndRefusalsToldWhereTheyHappen() {
    assertEquals(8, dma.write(IOVA + 16, word(0x1122_3344_5566_7788L)));
    assertEquals(0x1122_3344_5566_7788L, ram.get(pages + 16));
    assertEquals(0, dma.refusal());
    assertEquals(4, dma.write(IOVA + PAGE - 4, word(-1)));
    assertEquals(List.of("write 40303000"), told);
    assertTrue(dma.refusal() != 0);
    MemorySegment into = word(0);
    assertEquals(8, dma.read(IOVA + PAGE - 4, into));
    assertEquals(0xffff_ffffL, into.get(LONG, 0));
    assertEquals(2, counters.writes.sum());
    assertEquals(12, counters.bytesWritten.sum());
    assertEquals(1, counters.reads.sum());
    assertEquals(8, counters.bytesRead.sum());
    assertEquals(1, counters.refused.sum());
  }

  @Test
  void atomicOperationsGiveTheOldValueOrAreRefused() {
    long[] old = new long[1];
    assertTrue(dma.atomic(IOVA, 8, Dma.Atomic.SWAP, 5, 0, old));
    assertTrue(dma.atomic(IOVA, 8, Dma.Atomic.FETCH_ADD, 3, 0, old));
    assertEquals(5, old[0]);
    assertTrue(dma.atomic(IOVA, 8, Dma.Atomic.COMPARE_AND_SWAP, 9, 8, old));
    assertEquals(8, old[0]);
    assertEquals(9, ram.get(pages));
    assertFalse(dma.atomic(IOVA + PAGE, 8, Dma.Atomic.SWAP, 5, 0, old));
    assertEquals(List.of("write 40303000"), told);
    assertEquals(4, counters.atomics.sum());
    assertEquals(1, counters.refused.sum());
  }

  /** Each page of a translated request is checked, also where the request lies in two. */
  @ParameterizedTest
  @ValueSource(ints = {1, 4, 7})
  void aTranslatedRequestIsCheckedPageByPage(int before) {
    long reply = dma.requestTranslation(IOVA, Access.ATOMIC);
    assertEquals(IPA, AtsReply.address(reply));
    long end = IPA + PAGE - before;
    ram.put(pages + PAGE, 0);
    assertEquals(before, dma.moveTranslated(end, word(-1), true));
    assertEquals(0, ram.get(pages + PAGE), "not writable below");
    assertEquals(List.of("write %x".formatted(IPA + PAGE)), told);
    assertEquals(1, counters.refused.sum());
    ram.put(pages + PAGE, -1);
    MemorySegment into = word(0);
    assertEquals(8, dma.moveTranslated(end, into, false));
    assertEquals(-1, into.get(LONG, 0));
    assertEquals(before, dma.moveTranslated(IPA + 2 * PAGE - before, into, false), "not mapped");
    assertEquals(0, dma.moveTranslated(IPA + PAGE, word(1), true));
    assertEquals(3, counters.refused.sum());
  }
}
