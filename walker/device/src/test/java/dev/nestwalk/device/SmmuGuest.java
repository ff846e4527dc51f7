package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * A machine with an SMMUv3, and a driver that knows registers by their offsets and commands by
 * their bits, as the specification has them. One page is mapped at {@link #IOVA} for each stream.
 */
final class SmmuGuest implements InterruptSink, PageResponses, DeviceTlb, AutoCloseable {
  /** Stage 1; faults are recorded and abort. */
  static final int STREAM = 1;

  /** Stage 1; faults stall. */
  static final int STALLING = 2;

  /** Stage 1 with full ATS; CDs of 4 substreams. */
  static final int ATS = 3;

  /** Config = 100: bypass. */
  static final int BYPASS = 4;

  /** Config = 000: abort in silence. */
  static final int SILENT = 5;

  /** Nested, split-stage ATS. */
  static final int SPLIT = 6;

  /** Stage 1, CD illegal. */
  static final int BROKEN = 7;

  /** V = 0. */
  static final int INVALID = 8;

  static final long IOVA = 0x4030_2000L;
  static final long OUTPUT = 0x8000_0000L;
  static final long NOWHERE = 0x4030_5000L;
  static final long DOORBELL = 0xfee0_0040L;

  static final int GERRORN = 0x64;
  static final int CMDQ_PROD = 0x98;
  static final int CMDQ_CONS = 0x9c;
  static final int EVENTQ_PROD = 0x100a8;
  static final int EVENTQ_CONS = 0x100ac;
  static final int PRIQ_PROD = 0x100c8;
  static final int PRIQ_CONS = 0x100cc;

  /** SMMUEN, PRIQEN, EVENTQEN, CMDQEN, ATSCHK. */
  static final int ON = 0x1f;

  static final int CMD_SYNC = 0x46;

  private static final long USER_PAGE = 1L << 10 | 1L << 6;
  private static final long SECOND_PAGE = 1L << 10 | 3L << 6 | 15L << 2;

  final Arena arena = Arena.ofShared();
  final TableMemory ram;
  final GuestMemory memory;
  final SmmuMachine machine;
  final VmsaTables tables;
  final SmmuUnit unit;
  final long commands;
  final long events;
  final long pages;

  /** What came out of the unit, in order; from any thread. */
  final List<String> signals = Collections.synchronizedList(new ArrayList<>());

  /** Whether the interrupt controller takes messages. */
  volatile boolean takesMessages = true;

  volatile DeviceTlb.Completion completion = DeviceTlb.Completion.DONE;

  /** What a device does while it drops what it keeps. */
  volatile Runnable whileInvalidating = () -> {};

  int log2 = 4;
  private int prod;

  SmmuGuest() {
    this(Map.of());
  }

  /** A machine whose ID registers are those of {@link #registers} but for {@code changed}. */
  SmmuGuest(Map<String, Long> changed) {
    this(changed, 512);
  }

  SmmuGuest(Map<String, Long> changed, int ramPages) {
    ram = new TableMemory(arena).run(0x10_0000, ramPages);
    machine = new SmmuMachine(ram);
    tables = new VmsaTables(ram, 12, 1, 39).map(IOVA, OUTPUT, 3, USER_PAGE);
    VmsaTables second = new VmsaTables(ram, 12, 1, 39);
    second.map(OUTPUT, OUTPUT, 3, SECOND_PAGE);
    long context = ram.allocate();
    machine.context(context, new ContextEntry(48).lower(tables));
    machine.stream(STREAM, new StreamEntry(5).stage1(context, 0, 0, 0));
    long stalling = ram.allocate();
    machine.context(stalling, new ContextEntry(48).lower(tables).set(44));
    machine.stream(STALLING, new StreamEntry(5).stage1(stalling, 0, 0, 0));
    long contexts = ram.allocate();
    for (int substream = 0; substream < 4; substream++) {
      machine.context(contexts + 64L * substream, new ContextEntry(48).lower(tables));
    }
    machine.stream(ATS, new StreamEntry(5).stage1(contexts, 2, 0, 2).set(92));
    machine.stream(BYPASS, new StreamEntry(4));
    machine.stream(SILENT, new StreamEntry(0));
    machine.stream(BROKEN, new StreamEntry(5).stage1(ram.allocate(), 0, 0, 0).set(92));
    long size = 4096L;
    for (long page = ram.page(0); page <= ram.page(ramPages - 1); page += size) {
      second.map(page, page, 3, SECOND_PAGE);
    }
    machine.stream(SPLIT, new StreamEntry(7).stage1(context, 0, 0, 0).stage2(second, 48).set(93));
    commands = ram.allocateAligned(16L << 12);
    events = ram.allocateAligned(32L << 8);
    pages = ram.allocateAligned(16L << 8);
    GuestMemory.Builder builder = GuestMemory.builder();
    ram.runs().forEach(run -> builder.ram(run.first(), run.bytes()));
    memory = builder.build();
    unit = newUnit(changed);
  }

  /** Capabilities of a unit that can do everything. */
  static Map<String, Long> registers() {
    Map<String, Long> all = new HashMap<>();
    all.put("IDR0", SmmuMachine.IDR0 | 1 << 4 | 1 << 10 | 1 << 13 | 1 << 14 | 1 << 16 | 1 << 17);
    all.put("IDR1", SmmuMachine.IDR1 | 8 << 11 | 8 << 16 | 12 << 21);
    all.put("IDR3", SmmuMachine.IDR3 | 1 << 10);
    all.put("IDR5", SmmuMachine.IDR5 | 4 << 16);
    all.put("IIDR", 0L);
    all.put("AIDR", 2L);
    return all;
  }

  /** An ID register of that unit. */
  static long id(String name) {
    return Objects.requireNonNull(registers().get(name));
  }

  /** A register as the tables of {@link #machine} ask for. */
  long register(String name) {
    return Objects.requireNonNull(machine.registers().get(name));
  }

  SmmuUnit newUnit(Map<String, Long> changed) {
    Map<String, Long> registers = registers();
    registers.putAll(changed);
    return SmmuUnit.of(
        UnitOptions.of(memory, this).withPageResponses(this).withDeviceTlb(this), registers);
  }

  // The driver.

  void w(int offset, long value) {
    unit.mmioWrite(offset, 4, value);
  }

  void w8(int offset, long value) {
    unit.mmioWrite(offset, 8, value);
  }

  long r(int offset) {
    return unit.mmioRead(offset, 4);
  }

  long r8(int offset) {
    return unit.mmioRead(offset, 8);
  }

  /** Queues of 2^log2 entries, interrupts by wire, CR0 as given. */
  SmmuGuest start(int cr0) {
    w8(0x80, register("STRTAB_BASE"));
    w(0x88, register("STRTAB_BASE_CFG"));
    w(0x2c, 2);
    w8(0x90, commands | log2);
    w8(0xa0, events | log2);
    w8(0xc0, pages | log2);
    w(0x50, 7);
    w(0x20, cr0);
    signals.clear();
    return this;
  }

  /** Puts a command into its slot without ringing. */
  void put(long w0, long w1) {
    long at = commands + 16L * (prod & (1 << log2) - 1);
    ram.put(at, w0);
    ram.put(at + 8, w1);
    prod = prod + 1 & (2 << log2) - 1;
  }

  void ring() {
    w(CMDQ_PROD, prod);
  }

  void command(long w0, long w1) {
    put(w0, w1);
    ring();
  }

  void sync() {
    command(CMD_SYNC, 0);
  }

  int prod() {
    return prod;
  }

  /** Event number {@code index} in the queue, a word of it. */
  long event(int index, int word) {
    return ram.get(events + 32L * (index & (1 << log2) - 1) + 8L * word);
  }

  /** A device that uses an answer to its stream's read of {@code iova} until it is let go. */
  HoldingDevice holding(int stream, long iova) throws InterruptedException {
    return HoldingDevice.start(unit, stream, port -> port.translate(iova, Access.READ));
  }

  /** What the unit signalled since the last call. */
  List<String> signals() {
    synchronized (signals) {
      List<String> all = List.copyOf(signals);
      signals.clear();
      return all;
    }
  }

  // The rest of the machine.

  @Override
  public boolean message(long address, int data) {
    signals.add("%x <- %x".formatted(address, data));
    return takesMessages;
  }

  @Override
  public void wire(InterruptLine line) {
    signals.add(line.name());
  }

  @Override
  public void respond(int sourceId, int pasid, int group, Code code) {
    signals.add("%d/%d group %d %s".formatted(sourceId, pasid, group, code));
  }

  @Override
  public Completion invalidate(int sourceId, int pasid, long first, long last, boolean global) {
    signals.add(
        "%d/%d drops %x..%x%s".formatted(sourceId, pasid, first, last, global ? " global" : ""));
    whileInvalidating.run();
    return completion;
  }

  @Override
  public void close() {
    arena.close();
  }

  /** What another thread will give; whoever waits for it longer than half a minute fails. */
  static <T> CompletableFuture<T> limited() {
    return new CompletableFuture<T>().orTimeout(30, TimeUnit.SECONDS);
  }

  /** A read by a device on a thread of its own; its answer. */
  static CompletableFuture<Long> read(SmmuUnit unit, int stream, long iova) {
    CompletableFuture<Long> answer = limited();
    Thread device =
        new Thread(
            () -> {
              Port port = unit.port(stream);
              answer.complete(port.translate(iova, Access.READ));
              port.done();
            });
    device.setDaemon(true);
    device.start();
    return answer;
  }

  /** Waits for what another thread does. */
  static void until(BooleanSupplier holds) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!holds.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "waited for too long");
      LockSupport.parkNanos(100_000);
    }
  }
}
