package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A guest switches translation and tables while devices translate: each DMA uses what was in force
 * before or after the write, and once the status shows the change, nothing but the new.
 */
class RegistersUnderLoadTest {
  private static final int SOURCE = 8;
  private static final long PAGE = 0x4040_0000L;
  private static final long FIRST = 0x8000_0000L;
  private static final long SECOND = 0x9000_0000L;
  private static final int CYCLES = 300;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
  private final UnitOptions options =
      UnitOptions.of(PlainUnit.over(memory), (address, data) -> true);

  @AfterEach
  void close() {
    arena.close();
  }

  /** A write that is done when its status shows, and what DMA meets from then on. */
  private record Step(Runnable write, long expected) {}

  private record Subject(Unit unit, List<Step> cycle) {}

  private Subject vtd() {
    SecondStageTables first = new SecondStageTables(memory, 4).map(PAGE, FIRST, 12, 3);
    VtdMachine legacy = new VtdMachine(memory).context(SOURCE, 0, 2, 5, first.root());
    SecondStageTables second = new SecondStageTables(memory, 4).map(PAGE, SECOND, 12, 3);
    VtdMachine scalable = new VtdMachine(memory).scalable();
    PasidEntry entry = PasidEntry.secondStage(2, second.root());
    scalable.pasid(SOURCE, 0, entry.walkSnoop().domain(6));
    Map<String, Long> capabilities = Map.of("CAP", VtdMachine.CAP, "ECAP", VtdMachine.ECAP);
    VtdUnit unit = VtdUnit.of(options, capabilities, 46);
    long te = 1L << 31;
    return new Subject(
        unit,
        List.of(
            new Step(() -> root(unit, legacy.root(), 0), PAGE),
            new Step(() -> command(unit, te, te), FIRST),
            new Step(() -> root(unit, scalable.root() | 1 << 10, te), SECOND),
            new Step(() -> root(unit, legacy.root(), te), FIRST),
            new Step(() -> command(unit, 0, 0), PAGE),
            new Step(() -> root(unit, scalable.root() | 1 << 10, 0), PAGE),
            new Step(() -> command(unit, te, te), SECOND),
            new Step(() -> command(unit, 0, 0), PAGE)));
  }

  private static void root(VtdUnit unit, long root, long level) {
    unit.mmioWrite(0x20, 8, root);
    unit.mmioWrite(0x18, 4, level | 1L << 30);
    assertEquals(1, unit.mmioRead(0x1c, 4) >>> 30 & 1, "RTPS");
  }

  private static void command(VtdUnit unit, long command, long status) {
    unit.mmioWrite(0x18, 4, command);
    assertEquals(status, unit.mmioRead(0x1c, 4) & 1L << 31, "TES");
  }

  private Subject smmu() {
    SmmuMachine linear = machine(FIRST);
    SmmuMachine twoLevel = machine(SECOND).twoLevel();
    Map<String, Long> registers = new HashMap<>(linear.registers());
    registers.put("IDR0", SmmuMachine.IDR0 | 1L << 24);
    SmmuUnit unit = SmmuUnit.of(options, registers);
    long aborted = -Outcome.ABORTED.code();
    return new Subject(
        unit,
        List.of(
            new Step(() -> enable(unit, linear), FIRST),
            new Step(() -> control(unit, 0), PAGE),
            new Step(() -> unit.mmioWrite(0x44, 4, 1L << 31 | 1 << 20), aborted),
            new Step(() -> enable(unit, twoLevel), SECOND),
            new Step(() -> control(unit, 0), aborted),
            new Step(() -> enable(unit, linear), FIRST),
            new Step(() -> control(unit, 0), aborted),
            new Step(() -> unit.mmioWrite(0x44, 4, 1L << 31), PAGE)));
  }

  private SmmuMachine machine(long page) {
    VmsaTables tables = new VmsaTables(memory, 12, 1, 39).map(PAGE, page, 3, 1L << 10 | 1L << 6);
    SmmuMachine machine = new SmmuMachine(memory);
    long contexts = memory.allocate();
    machine.context(contexts, new ContextEntry(48).lower(tables));
    return machine.stream(SOURCE, new StreamEntry(5).stage1(contexts, 0, 0, 0));
  }

  private static void enable(SmmuUnit unit, SmmuMachine machine) {
    Map<String, Long> registers = machine.registers();
    unit.mmioWrite(0x80, 8, Objects.requireNonNull(registers.get("STRTAB_BASE")));
    unit.mmioWrite(0x88, 4, Objects.requireNonNull(registers.get("STRTAB_BASE_CFG")));
    control(unit, 1);
  }

  private static void control(SmmuUnit unit, long value) {
    unit.mmioWrite(0x20, 4, value);
    assertEquals(value, unit.mmioRead(0x24, 4), "CR0ACK");
  }

  private volatile int begun;
  private volatile int done;
  private volatile boolean going = true;

  @ParameterizedTest
  @ValueSource(strings = {"vtd", "smmuv3"})
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void eachDmaUsesWhatWasInForceBeforeOrAfter(String format) throws InterruptedException {
    Subject subject = format.equals("vtd") ? vtd() : smmu();
    List<Step> cycle = subject.cycle;
    List<Device> devices = new ArrayList<>();
    CountDownLatch ready = new CountDownLatch(2);
    for (int i = 0; i < 2; i++) {
      Device device = new Device(subject.unit, cycle, ready);
      devices.add(device);
      device.start();
    }
    ready.await();
    // Version 0 is the unit after reset: addresses pass, as after the last step of a cycle.
    for (int version = 1; version <= CYCLES * cycle.size(); version++) {
      begun = version;
      cycle.get((version - 1) % cycle.size()).write.run();
      done = version;
    }
    going = false;
    for (Device device : devices) {
      device.join();
      assertEquals("", device.wrong);
      assertTrue(device.answers > 100, "answers " + device.answers);
    }
  }

  private final class Device extends Thread {
    private final Unit unit;
    private final List<Step> cycle;
    private final CountDownLatch ready;
    String wrong = "";
    long answers;

    Device(Unit unit, List<Step> cycle, CountDownLatch ready) {
      this.unit = unit;
      this.cycle = cycle;
      this.ready = ready;
    }

    @Override
    public void run() {
      Port port = unit.port(SOURCE);
      ready.countDown();
      while (going && wrong.isEmpty()) {
        int least = done;
        long answer = port.translate(PAGE, Access.READ);
        int most = begun;
        port.done();
        long outcome =
            Translation.isFault(answer) ? -Translation.code(answer) : Translation.address(answer);
        boolean fits = false;
        for (int version = least; version <= most; version++) {
          int step = Math.floorMod(version - 1, cycle.size());
          fits |= cycle.get(step).expected == outcome;
        }
        if (!fits) {
          wrong = "%s in versions %d to %d".formatted(Translation.describe(answer), least, most);
        }
        answers++;
      }
    }
  }
}
