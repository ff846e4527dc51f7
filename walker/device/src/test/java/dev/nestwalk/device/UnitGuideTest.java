package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.MemoryRange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The code of docs/embed.md that is about units and ports, and what that page says of it. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class UnitGuideTest {
  private static final long PAGE = 0x4000_0000L;
  private static final long IOMMU = 0xfed9_0000L;
  private static final long ENGINE = 0xfeb0_0000L;
  private static final long ITS = 0x0808_0000L;

  private final Arena arena = Arena.ofShared();
  private final TableMemory tables = new TableMemory(arena).run(0x10_0000, 64);
  private final GuestMemory memory = PlainUnit.over(tables);
  private final Bus bus = new Bus();
  private final BlockingQueue<String> interrupts = new LinkedBlockingQueue<>();
  private final long frame = tables.allocate();
  private Thread device = new Thread(() -> {});

  @AfterEach
  void close() throws InterruptedException {
    device.interrupt();
    device.join();
    arena.close();
  }

  /** An emulator's bus, as far as these examples need one. */
  static final class Bus {
    interface Reader {
      long read(long offset, int size);
    }

    interface Writer {
      void write(long offset, int size, long value);
    }

    private record Window(long base, long size, Reader reader, Writer writer) {}

    private final List<Window> windows = new ArrayList<>();

    void map(long base, long size, Reader reader, Writer writer) {
      windows.add(new Window(base, size, reader, writer));
    }

    private Window at(long address) {
      return windows.stream()
          .filter(window -> address - window.base >= 0 && address - window.base < window.size)
          .findFirst()
          .orElseThrow();
    }

    long read(long address, int size) {
      Window window = at(address);
      return window.reader.read(address - window.base, size);
    }

    void write(long address, int size, long value) {
      Window window = at(address);
      window.writer.write(address - window.base, size, value);
    }
  }

  private boolean interrupt(long address, int data) {
    return interrupts.add("%x %x".formatted(address, data));
  }

  // begin whole-device
  /** One page of VT-d, one DMA engine, interrupts: a line of 64 bytes is copied to the next one. */
  Thread plugIn(Bus bus, GuestMemory memory, long cap, long ecap) {
    UnitOptions options = UnitOptions.of(memory, (address, data) -> interrupt(address, data));
    VtdUnit unit = VtdUnit.of(options, Map.of("CAP", cap, "ECAP", ecap), 46);
    bus.map(IOMMU, unit.registerBytes(), unit::mmioRead, unit::mmioWrite);

    AtomicLong command = new AtomicLong();
    Doorbell bell = unit.doorbell();
    bus.map(
        ENGINE,
        4096,
        (offset, size) -> command.get(),
        (offset, size, value) -> {
          command.set(value);
          bell.ring();
        });
    Runnable engine =
        () -> {
          Port dma = unit.port(0x0010); // of this thread
          MemorySegment line = MemorySegment.ofArray(new byte[64]);
          MemorySegment message = MemorySegment.ofArray(new int[] {0x41});
          while (bell.awaitQuietly()) { // no guest waits for this thread meanwhile
            long at = command.get();
            if (dma.read(at, line) == 64 && dma.write(at + 64, line) == 64) {
              dma.write(0xfee0_0000L, message);
            }
          }
        };
    return Thread.ofPlatform().name("engine").start(engine);
  }

  // end whole-device

  private VtdMachine vtdTables() {
    SecondStageTables second = new SecondStageTables(tables, 4).map(PAGE, frame, 12, 3);
    return new VtdMachine(tables).context(0x0010, 0, 2, 5, second.root());
  }

  private void switchOnVtd(VtdMachine machine) {
    bus.write(IOMMU + 0x20, 8, machine.root()); // RTADDR
    bus.write(IOMMU + 0x18, 4, 1L << 30); // GCMD.SRTP
    bus.write(IOMMU + 0x40, 4, 0xfee0_1000L); // FEADDR
    bus.write(IOMMU + 0x3c, 4, 0x30); // FEDATA
    bus.write(IOMMU + 0x38, 4, 0); // FECTL: not masked
    bus.write(IOMMU + 0x18, 4, 1L << 31); // GCMD.TE
    assertEquals(3L << 30, bus.read(IOMMU + 0x1c, 4) & 3L << 30); // TES, RTPS
  }

  @Test
  void aWholeDeviceWithInterruptsAndFaults() throws InterruptedException {
    VtdMachine machine = vtdTables();
    device = plugIn(bus, memory, VtdMachine.CAP, VtdMachine.ECAP | 2);
    switchOnVtd(machine);
    tables.put(frame + 0x100, 0x1234);
    bus.write(ENGINE, 8, PAGE + 0x100);
    assertEquals("fee00000 41", interrupts.take());
    assertEquals(0x1234, tables.get(frame + 0x140));
    bus.write(ENGINE, 8, PAGE + 0x2000); // not mapped: the unit records it and says so
    assertEquals("fee01000 30", interrupts.take());
    assertEquals(2, bus.read(IOMMU + 0x34, 4)); // FSTS.PPF
  }

  @Test
  void anSmmuIsPluggedInLikeThat() throws InterruptedException {
    VmsaTables first = new VmsaTables(tables, 12, 1, 39);
    first.map(PAGE, frame, 3, 1L << 10 | 1L << 6).map(PAGE + 4096, ITS, 3, 1L << 10 | 1L << 6);
    SmmuMachine machine = new SmmuMachine(tables);
    long contexts = tables.allocate();
    machine.context(contexts, new ContextEntry(48).lower(first));
    machine.stream(8, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    Map<String, Long> registers = new HashMap<>(machine.registers());
    registers.put("IDR0", SmmuMachine.IDR0 | 1L << 24);
    registers.put("IDR1", SmmuMachine.IDR1 | 8L << 21 | 5L << 16);
    // begin smmu
    InterruptSink sink =
        new InterruptSink() {
          @Override
          public boolean message(long address, int data) {
            return interrupt(address, data);
          }

          @Override
          public void wire(InterruptLine line) {
            interrupts.add("wire " + line);
          }
        };
    UnitOptions options =
        UnitOptions.of(memory, sink).withDoorbells(List.of(MemoryRange.ofSize(ITS, 0x1_0000)));
    SmmuUnit unit = SmmuUnit.of(options, registers); // IDR0, IDR1, IDR3, IDR5
    bus.map(0x0905_0000L, SmmuUnit.SIZE, unit::mmioRead, unit::mmioWrite);
    // end smmu
    long base = 0x0905_0000L;
    bus.write(base + 0x80, 8, Objects.requireNonNull(registers.get("STRTAB_BASE")));
    bus.write(base + 0x88, 4, Objects.requireNonNull(registers.get("STRTAB_BASE_CFG")));
    bus.write(base + 0xa0, 8, tables.allocate() | 5);
    bus.write(base + 0x50, 4, 4); // IRQ_CTRL.EVENTQ
    bus.write(base + 0x20, 4, 5); // CR0: EVENTQEN, SMMUEN
    assertEquals(5, bus.read(base + 0x24, 4));
    Port port = unit.port(8);
    port.write(PAGE + 4096 + 0x40, MemorySegment.ofArray(new int[] {0x2001}));
    assertEquals("%x 2001".formatted(ITS + 0x40), interrupts.take());
    MemorySegment buffer = MemorySegment.ofArray(new byte[16]);
    assertEquals(16, port.read(PAGE, buffer));
    assertEquals(0, port.read(PAGE + 0x8000, buffer));
    assertEquals("wire EVTQ", interrupts.take());
    bus.write(base + 0x80, 8, 0); // guarded while SMMUEN=1
    // begin guestErrors
    unit.guestErrors().lines().forEach(System.out::println);
    // end guestErrors
    assertEquals(1, unit.guestErrors().lines().size());
    assertTrue(unit.guestErrors().lines().get(0).contains("STRTAB_BASE"));
  }

  @Test
  void answersAreGivenBackAndTheStateIsSavedAndRestored() {
    VtdMachine machine = vtdTables();
    UnitOptions options = UnitOptions.of(memory, this::interrupt);
    Map<String, Long> capabilities = Map.of("CAP", VtdMachine.CAP, "ECAP", VtdMachine.ECAP | 2);
    VtdUnit unit = VtdUnit.of(options, capabilities, 46);
    bus.map(IOMMU, unit.registerBytes(), unit::mmioRead, unit::mmioWrite);
    switchOnVtd(machine);
    Port port = unit.port(0x0010);
    // begin answers
    long answer = port.translate(PAGE, Access.WRITE);
    if (!Translation.isFault(answer)) {
      long physical = Translation.address(answer); // yours to use …
      memory.swap(physical, 8, 0x77);
    }
    port.done(); // … until here: now a guest that unmaps the page need not wait for you
    // end answers
    assertEquals(0x77, tables.get(frame));
    // begin dirty
    BitSet dirty = new BitSet();
    memory.setWriteListener(
        (address, length) ->
            dirty.set((int) (address >>> 12), (int) (address + length - 1 >>> 12) + 1));
    // end dirty
    port.write(PAGE + 8, MemorySegment.ofArray(new byte[8]));
    assertEquals(1, dirty.cardinality());
    assertTrue(dirty.get((int) (frame >>> 12)));
    MemorySegment threePages = MemorySegment.ofArray(new byte[0x1010]);
    memory.read(frame + 0xff8, threePages, 0, 0x1010);
    assertEquals(0x1010, memory.write(frame + 0xff8, threePages, 0, 0x1010));
    assertEquals(BitSet.valueOf(new long[] {7}), dirty.get((int) (frame >>> 12), 1 << 24));
    // begin snapshot
    String saved = unit.snapshot().toString(); // text; devices stand still
    VtdUnit other = VtdUnit.of(options, capabilities, 46);
    other.restore(Snapshot.parse(saved));
    // end snapshot
    assertEquals(saved, other.snapshot().toString());
    long moved = other.port(0x0010).translate(PAGE, Access.READ);
    assertEquals(frame, Translation.address(moved));
    assertThrows(
        IllegalArgumentException.class,
        () -> other.restore(Snapshot.parse("nestwalk-snapshot 1 smmuv3")));
  }

  @Test
  void devicesKeepTranslationsAndAskForPages() {
    List<String> heard = new ArrayList<>();
    // begin ats
    UnitOptions options =
        UnitOptions.of(memory, this::interrupt)
            .withDeviceTlb(
                (sourceId, pasid, first, last, global) -> {
                  heard.add("%x drops %x to %x".formatted(sourceId, first, last));
                  return DeviceTlb.Completion.DONE;
                })
            .withPageResponses(
                (sourceId, pasid, group, code) ->
                    heard.add("%x group %d: %s".formatted(sourceId, group, code)));
    // end ats
    Map<String, Long> capabilities = Map.of("CAP", VtdMachine.CAP, "ECAP", VtdMachine.ECAP | 2 | 4);
    VtdUnit unit = VtdUnit.of(options, capabilities, 46);
    long queue = tables.allocate();
    tables.put(queue, 3 | 0x0010L << 32); // device TLB, one page
    tables.put(queue + 8, PAGE);
    unit.mmioWrite(0x90, 8, queue);
    unit.mmioWrite(0x18, 4, 1L << 26); // QIE
    unit.mmioWrite(0x88, 4, 16);
    assertEquals(List.of("10 drops %x to %x".formatted(PAGE, PAGE + 4095)), heard);
    assertEquals(16, unit.mmioRead(0x80, 4));
  }
}
