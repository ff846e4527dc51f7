package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.device.Port;
import dev.nestwalk.device.SmmuUnit;
import dev.nestwalk.device.UnitOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** What does DMA through a unit's port cost, compared with DMA through an endpoint? */
public class PortBenchmark extends TimedPerCall {
  private static final int STREAM = 8;
  private static final long FIRST = 0x4000_0000L;
  private static final int PAGES = 16;
  private static final long LEAF = 1L << 10 | 1L << 6;

  /** Bytes of a transfer. */
  @Param({"64", "4096"})
  public int bytes = 4096;

  private final Arena arena = Arena.ofConfined();
  private MemorySegment buffer = MemorySegment.NULL;
  private @Nullable Port port;
  private @Nullable Endpoint endpoint;
  private int next;

  /** Builds tables, switches an SMMUv3 on, and checks the first transfer. */
  @Setup(Level.Trial)
  public void build() {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
    VmsaTables tables = new VmsaTables(memory, 12, 1, 39);
    for (int page = 0; page < PAGES; page++) {
      tables.map(FIRST + page * 4096L, memory.allocate(), 3, LEAF);
    }
    SmmuMachine machine = new SmmuMachine(memory);
    long contexts = memory.allocate();
    machine.context(contexts, new ContextEntry(48).lower(tables));
    machine.stream(STREAM, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    Map<String, Long> registers = new HashMap<>(machine.registers());
    registers.put("IDR0", SmmuMachine.IDR0 | 1L << 24);
    TableMemory.Run run = memory.runs().get(0);
    GuestMemory guest = GuestMemory.of(run.bytes(), run.first());
    SmmuUnit unit = SmmuUnit.of(UnitOptions.of(guest, (address, data) -> true), registers);
    unit.mmioWrite(0x80, 8, value(registers, "STRTAB_BASE"));
    unit.mmioWrite(0x88, 4, value(registers, "STRTAB_BASE_CFG"));
    unit.mmioWrite(0x20, 4, 1);
    buffer = arena.allocate(bytes, 64);
    port = unit.port(STREAM);
    endpoint = unit.iommu().newTranslator().endpoint(STREAM, -1);
    if (readThroughPort() != bytes || readThroughEndpoint() != bytes) {
      throw new IllegalStateException("a transfer ended early");
    }
  }

  private static long value(Map<String, Long> registers, String name) {
    return Objects.requireNonNull(registers.get(name));
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  private long address() {
    return FIRST + (next++ & PAGES - 1) * 4096L;
  }

  private Port port() {
    return Objects.requireNonNull(port);
  }

  private Endpoint endpoint() {
    return Objects.requireNonNull(endpoint);
  }

  /** A read; no later sync waits for this thread. */
  @Benchmark
  public long readThroughPort() {
    return port().read(address(), buffer);
  }

  /** A read; a sync waits until the thread translates again. */
  @Benchmark
  public long readThroughEndpoint() {
    return endpoint().read(address(), buffer);
  }

  /** A write; no later sync waits for this thread. */
  @Benchmark
  public long writeThroughPort() {
    return port().write(address(), buffer);
  }

  /** A write; a sync waits until the thread translates again. */
  @Benchmark
  public long writeThroughEndpoint() {
    return endpoint().write(address(), buffer);
  }

  /** An answer that stays protected until it is released. */
  @Benchmark
  public long translateThroughPort() {
    return port().translate(address(), Access.READ);
  }

  /** An answer of {@code translate}; a sync waits until the thread translates again. */
  @Benchmark
  public long translateThroughEndpoint() {
    return endpoint().translate(address(), Access.READ);
  }
}
