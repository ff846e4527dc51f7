package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * A VT-d unit for tests, with memory, tables and a list of what it sent. Registers and descriptors
 * are written here as numbers of the specification, never through the declarations under test.
 */
final class VtdRig implements AutoCloseable {
  static final int SOURCE = 0x0010;
  static final int OTHER = 0x0018;
  static final int DOMAIN = 5;

  /** Mapped for SOURCE and OTHER, to the page of this name. */
  static final long IOVA = 0x4000_0000L;

  static final long QUEUE = 0x10_0000L;
  static final long PAGES = 0x20_0000L;
  static final long STATUS = 0x8000L;

  /** Two-bit domain ids and more, 48 bits, PSI up to 2^9 pages, records at 0x220. */
  static final long CAP =
      6 | 4L << 8 | 47L << 16 | 1L << 22 | 0x22L << 24 | 3L << 34 | 1L << 39 | 9L << 48;

  /** Queue, extended interrupt mode, pass-through; IVA at 0xf0. */
  static final long LEGACY = 1 << 1 | 1 << 4 | 1 << 6 | 0xf << 8;

  /** All that and scalable mode with PASIDs, both stages, device-TLBs and page requests. */
  static final long SCALABLE =
      LEGACY | 1 << 2 | 1L << 29 | 19L << 35 | 1L << 40 | 1L << 41 | 1L << 42 | 1L << 43 | 1L << 46
          | 1L << 47 | 1L << 49;

  final Arena arena = Arena.ofShared();
  final MemorySegment ram = arena.allocate(4 << 20, 4096);
  final TableMemory tables = new TableMemory(arena).run(0x80_0000, 64);
  final List<String> messages = Collections.synchronizedList(new ArrayList<>());
  final List<String> responses = Collections.synchronizedList(new ArrayList<>());
  final List<String> deviceInvalidations = new ArrayList<>();
  final VtdMachine machine = new VtdMachine(tables);
  final SecondStageTables second = new SecondStageTables(tables, 4);
  final long page = 0x30_0000L;
  final long cap;
  final long ecap;
  VtdUnit unit;
  DeviceTlb.Completion deviceAnswer = DeviceTlb.Completion.DONE;

  /** What a device does while it drops its entries. */
  Runnable whileInvalidating = () -> {};

  final GuestMemory memory;
  private int tail;
  private int size;
  private int entry;

  VtdRig(long cap, long ecap) {
    this.cap = cap;
    this.ecap = ecap;
    GuestMemory.Builder builder = GuestMemory.builder().ram(0, ram);
    tables.runs().forEach(run -> builder.ram(run.first(), run.bytes()));
    memory = builder.build();
    second.map(IOVA, page, 12, 3);
    if ((ecap >>> 43 & 1) == 1) {
      machine.scalable();
      for (int source : new int[] {SOURCE, OTHER}) {
        // DTE, without which PRE is illegal, PASIDE and PRE; PASID 0 serves requests without one.
        machine.scalableContext(source, 1 << 2 | 1 << 3 | 1 << 4, 0, 0);
        machine.pasid(source, 0, PasidEntry.secondStage(2, second.root()).domain(DOMAIN));
        machine.pasid(source, 3, PasidEntry.secondStage(2, second.root()).domain(DOMAIN));
      }
    } else {
      machine.context(SOURCE, 0, 2, DOMAIN, second.root());
      machine.context(OTHER, 0, 2, DOMAIN, second.root());
    }
    unit = newUnit();
  }

  /** Goes on with another unit that takes the state of this one, by way of text. */
  void migrate() {
    Snapshot state = Snapshot.parse(unit.snapshot().toString());
    VtdUnit next = newUnit();
    next.restore(state);
    assertEquals(state, next.snapshot());
    unit = next;
  }

  /** Another unit on this memory, as after power-on. */
  VtdUnit newUnit() {
    return newUnit(false);
  }

  VtdUnit newUnit(boolean keepsCaches) {
    UnitOptions options =
        UnitOptions.of(memory, (address, data) -> messages.add("%x %x".formatted(address, data)))
            .withPageResponses(
                (source, pasid, group, code) ->
                    responses.add("%x %d %x %s".formatted(source, pasid, group, code)))
            .withDeviceTlb(
                (source, pasid, first, last, global) -> {
                  deviceInvalidations.add(
                      "%x %d %x..%x%s"
                          .formatted(source, pasid, first, last, global ? " global" : ""));
                  whileInvalidating.run();
                  return deviceAnswer;
                });
    return VtdUnit.of(
        keepsCaches ? options.withKeptCaches() : options, Map.of("CAP", cap, "ECAP", ecap), -1);
  }

  static VtdRig legacy() {
    return new VtdRig(CAP, LEGACY);
  }

  static VtdRig scalable() {
    return new VtdRig(CAP, SCALABLE);
  }

  static VtdRig withRecords(int count) {
    return new VtdRig(CAP | (long) (count - 1) << 40, LEGACY);
  }

  /** A device that uses an answer to a read of {@link #IOVA} until it is let go. */
  HoldingDevice holding() throws InterruptedException {
    return HoldingDevice.start(unit, SOURCE, port -> port.translate(IOVA, Access.READ));
  }

  long r32(long offset) {
    return unit.mmioRead(offset, 4);
  }

  long r64(long offset) {
    return unit.mmioRead(offset, 8);
  }

  void w32(long offset, long value) {
    unit.mmioWrite(offset, 4, value);
  }

  void w64(long offset, long value) {
    unit.mmioWrite(offset, 8, value);
  }

  long gsts() {
    return r32(0x1c);
  }

  /** RTADDR of the tables. */
  long rootTable() {
    return machine.root() | (ecap >>> 43 & 1) << 10;
  }

  /** Root table latched and translation on; the queue stays as it is. */
  VtdRig translate() {
    long levels = gsts() & 0x0680_0000L;
    w64(0x20, rootTable());
    w32(0x18, levels | 0x4000_0000L);
    w32(0x18, levels | 0x8000_0000L);
    assertEquals(0xc000_0000L, gsts() & 0xc000_0000L);
    return this;
  }

  /** Where fault, completion and page events go, unmasked. */
  VtdRig unmask() {
    for (long[] event : new long[][] {{0x38, 0x21}, {0xa0, 0x22}, {0xe0, 0x23}}) {
      w32(event[0] + 4, event[1]);
      w32(event[0] + 8, 0xfee0_0000L);
      w32(event[0] + 12, 0);
      w32(event[0], 0);
    }
    return this;
  }

  /** A queue of 2^qs pages, switched on. */
  VtdRig queue(int qs, boolean wide) {
    w64(0x88, 0);
    w64(0x90, QUEUE | (wide ? 1 << 11 : 0) | qs);
    w32(0x18, gsts() & 0x9680_0000L | 0x0400_0000L);
    assertEquals(0x0400_0000L, gsts() & 0x0400_0000L);
    tail = 0;
    size = 4096 << qs;
    entry = wide ? 32 : 16;
    return this;
  }

  int entryBytes() {
    return entry;
  }

  int tail() {
    return tail;
  }

  /** Puts a descriptor into the queue, without a doorbell. */
  VtdRig put(long... words) {
    for (int i = 0; i < entry / 8; i++) {
      poke64(QUEUE + tail + 8L * i, i < words.length ? words[i] : 0);
    }
    tail = (tail + entry) % size;
    return this;
  }

  /** A wait that writes {@code data} to {@link #STATUS}. */
  VtdRig putWait(int data) {
    return put(0x25 | Integer.toUnsignedLong(data) << 32, STATUS);
  }

  VtdRig ring() {
    w64(0x88, tail);
    return this;
  }

  long head() {
    return r64(0x80);
  }

  int status() {
    return ram.get(ValueLayout.JAVA_INT, STATUS);
  }

  void poke64(long address, long value) {
    ram.set(ValueLayout.JAVA_LONG, address, value);
  }

  long peek64(long address) {
    return ram.get(ValueLayout.JAVA_LONG, address);
  }

  Port port(int source) {
    return unit.port(source);
  }

  /** A DMA; its answer. */
  long dma(int source, long iova, int access) {
    Port port = unit.port(source);
    long answer = port.translate(iova, access);
    port.done();
    return answer;
  }

  /** A DMA that faults: a read of a page that nobody mapped. */
  void fault(int source) {
    dma(source, 0x7000_0000L, 1);
  }

  /** What was sent since the last call. */
  List<String> sent() {
    List<String> all = List.copyOf(messages);
    messages.clear();
    return all;
  }

  @Override
  public void close() {
    arena.close();
  }
}
