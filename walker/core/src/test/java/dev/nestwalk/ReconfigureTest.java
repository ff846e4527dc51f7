package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A unit's registers change while threads translate. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class ReconfigureTest {
  private static final int SOURCE = 1;
  private static final long PAGE = 0x4040_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final int CHANGES = 1000;
  private static final long FIRST_FLAGS = 1L << 10 | 1L << 6;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);

  @AfterEach
  void close() {
    arena.close();
  }

  enum Format {
    VTD,
    SMMUV3
  }

  /** Register states such that a mixture of any two gives an answer that neither gives. */
  private List<Map<String, Long>> states(Format format) {
    List<Map<String, Long>> states = new ArrayList<>();
    if (format == Format.VTD) {
      for (int i = 1; i <= 2; i++) {
        SecondStageTables tables = new SecondStageTables(memory, 4).map(PAGE, out(i), 12, 3);
        states.add(new VtdMachine(memory).context(SOURCE, 0, 2, 5, tables.root()).registers());
      }
      SecondStageTables tables = new SecondStageTables(memory, 4).map(PAGE, out(3), 12, 3);
      VtdMachine scalable = new VtdMachine(memory).scalable();
      PasidEntry entry = PasidEntry.secondStage(2, tables.root());
      scalable.pasid(SOURCE, 0, entry.walkSnoop().domain(5));
      states.add(scalable.registers());
      states.add(with(scalable.registers(), "GSTS", 0L));
      states.add(with(scalable.registers(), "RTADDR", scalable.root() | 3L << 10));
    } else {
      for (int i = 1; i <= 3; i++) {
        VmsaTables tables = new VmsaTables(memory, 12, 1, 39).map(PAGE, out(i), 3, FIRST_FLAGS);
        tables.map(PAGE + 4096, out(i) + 4096, 3, FIRST_FLAGS);
        SmmuMachine machine = i == 2 ? new SmmuMachine(memory).twoLevel() : new SmmuMachine(memory);
        long contexts = memory.allocate();
        machine.context(contexts, new ContextEntry(48).lower(tables));
        machine.stream(SOURCE, new StreamEntry(5).stage1(contexts, 0, 0, 0));
        states.add(machine.registers());
      }
      states.add(with(states.get(0), "CR0", 4L));
      states.add(with(with(states.get(1), "CR0", 4L), "GBPA", 1L << 20));
      states.add(with(states.get(2), "STRTAB_BASE_CFG", 0L));
    }
    return states;
  }

  private static long out(int table) {
    return OUT + table * 0x10_0000L;
  }

  private static Map<String, Long> with(Map<String, Long> registers, String name, long value) {
    Map<String, Long> changed = new LinkedHashMap<>(registers);
    changed.put(name, value);
    return changed;
  }

  private Iommu unit(Format format, Map<String, Long> registers) {
    return format == Format.VTD
        ? Iommu.vtd(Comparison.over(memory), registers, 46)
        : Iommu.smmuv3(Comparison.over(memory), registers);
  }

  /** Address or code: what the reference walker says under these registers. */
  private long expected(Format format, Map<String, Long> registers) {
    Reference reference =
        format == Format.VTD
            ? References.vtd(Comparison.over(memory), registers, 46)
            : References.smmuv3(Comparison.over(memory), registers);
    return outcome(reference.translate(SOURCE, -1, PAGE, Access.READ).translation());
  }

  private static long outcome(long answer) {
    return Translation.isFault(answer) ? -Translation.code(answer) : Translation.address(answer);
  }

  /** What threads compare with: for each version of the registers its answer. */
  private static final class Course {
    final long[] expected = new long[CHANGES + 2];
    volatile int begun;
    volatile int done;
    volatile boolean going = true;
  }

  @ParameterizedTest
  @EnumSource
  void eachDmaUsesTheRegistersBeforeOrAfterAChange(Format format) throws InterruptedException {
    List<Map<String, Long>> states = states(format);
    long[] answers = states.stream().mapToLong(state -> expected(format, state)).toArray();
    assertEquals(states.size(), java.util.Arrays.stream(answers).distinct().count(), "distinct");
    Iommu iommu = unit(format, states.get(0));
    Course course = new Course();
    course.expected[0] = answers[0];
    List<Device> devices = new ArrayList<>();
    CountDownLatch ready = new CountDownLatch(Way.values().length);
    for (Way way : Way.values()) {
      Device device = new Device(iommu, way, course, ready);
      devices.add(device);
      device.start();
    }
    ready.await();
    Random random = new Random(17);
    int state = 0;
    for (int version = 1; version <= CHANGES; version++) {
      state = (state + 1 + random.nextInt(states.size() - 1)) % states.size();
      course.expected[version] = answers[state];
      course.begun = version;
      iommu.reconfigure(states.get(state), false);
      iommu.sync();
      // From here on no translation that begins may use the registers before.
      course.done = version;
    }
    course.going = false;
    for (Device device : devices) {
      device.join();
      assertEquals("", device.wrong, device.way.name());
      assertTrue(device.answers > 100, device.way + ": answers " + device.answers);
    }
  }

  private enum Way {
    ONE,
    BATCH,
    UNCACHED,
    /** With a new translator after a few translations, which is made while registers change. */
    NEW,
    NEW_UNCACHED
  }

  private static final class Device extends Thread {
    private final Iommu iommu;
    private final Way way;
    private final Course course;
    private final CountDownLatch ready;
    String wrong = "";
    long answers;

    Device(Iommu iommu, Way way, Course course, CountDownLatch ready) {
      this.iommu = iommu;
      this.way = way;
      this.course = course;
      this.ready = ready;
    }

    @Override
    public void run() {
      Translator translator = translator();
      Endpoint endpoint = translator.endpoint(SOURCE, -1);
      long[] iovas = new long[way == Way.BATCH ? 40 : 1];
      java.util.Arrays.fill(iovas, PAGE);
      long[] results = new long[iovas.length];
      ready.countDown();
      while (course.going && wrong.isEmpty()) {
        int least = course.done;
        if (way == Way.BATCH) {
          endpoint.translate(iovas, results, 0, iovas.length, Access.READ);
        } else {
          results[0] = endpoint.translate(PAGE, Access.READ);
        }
        int most = course.begun;
        for (long answer : results) {
          if (!isOfOneOf(least, most, outcome(answer))) {
            wrong = Translation.describe(answer) + " in versions " + least + " to " + most;
          }
        }
        answers += results.length;
        if (answers % 3 == 0 && (way == Way.NEW || way == Way.NEW_UNCACHED)) {
          translator.pause();
          translator = translator();
          endpoint = translator.endpoint(SOURCE, -1);
        }
      }
      translator.pause();
    }

    private Translator translator() {
      return switch (way) {
        case ONE, BATCH -> iommu.newTranslator();
        case NEW -> iommu.newTranslator(CacheOptions.NONE.withIotlb(16, 4));
        case UNCACHED, NEW_UNCACHED -> iommu.newUncachedTranslator();
      };
    }

    private boolean isOfOneOf(int least, int most, long outcome) {
      for (int version = least; version <= most; version++) {
        if (course.expected[version] == outcome) {
          return true;
        }
      }
      return false;
    }
  }

  @Test
  void translatorsEndpointsRestrictionsAndCountersStay() throws InterruptedException {
    List<Map<String, Long>> states = states(Format.VTD);
    Iommu iommu = unit(Format.VTD, states.get(0));
    Translator translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    Endpoint endpoint = translator.endpoint(SOURCE, -1);
    Region region = new Region(PAGE, PAGE + 7, RegionKind.RESERVED);
    iommu.restrict(SOURCE, -1, RegionSet.of(List.of(region)), RegionSet.EMPTY);
    assertEquals(out(1) + 8, Translation.address(endpoint.translate(PAGE + 8, Access.READ)));
    long misses = translator.counters().misses();
    iommu.reconfigure(states.get(2), false);
    iommu.sync();
    assertSame(endpoint, translator.endpoint(SOURCE, -1));
    assertEquals(out(3) + 8, Translation.address(endpoint.translate(PAGE + 8, Access.READ)));
    assertEquals(Outcome.RESERVED.code(), Translation.code(endpoint.translate(PAGE, Access.READ)));
    assertTrue(translator.counters().misses() > misses);
  }

  @Test
  void aCapabilityNeverChanges() {
    List<Map<String, Long>> states = states(Format.VTD);
    Iommu iommu = unit(Format.VTD, states.get(0));
    Endpoint endpoint = iommu.newTranslator().endpoint(SOURCE, -1);
    Map<String, Long> changes = with(states.get(1), "ECAP", 0);
    assertThrows(IllegalArgumentException.class, () -> iommu.reconfigure(changes, false));
    assertEquals(out(1), Translation.address(endpoint.translate(PAGE, Access.READ)));
    Iommu other = unit(Format.SMMUV3, states(Format.SMMUV3).get(0));
    Map<String, Long> more = Map.of("IDR5", 0L);
    assertThrows(IllegalArgumentException.class, () -> other.reconfigure(more, true));
  }

  /** SMMUv3 6.3.9.6: nothing is invalidated by SMMUEN; VT-d 11.4.4: nor by TE. */
  @ParameterizedTest
  @EnumSource
  void cachesThatAreKeptShowWhatWasNotInvalidated(Format format) {
    List<Map<String, Long>> states = states(format);
    Map<String, Long> on = states.get(0);
    Map<String, Long> otherTables = states.get(format == Format.VTD ? 1 : 2);
    long other = expected(format, otherTables);
    Map<String, Long> off = with(on, format == Format.VTD ? "GSTS" : "CR0", 0);
    for (boolean keeps : new boolean[] {false, true}) {
      Iommu iommu = unit(format, on);
      Endpoint endpoint = iommu.newTranslator().endpoint(SOURCE, -1);
      assertEquals(out(1), outcome(endpoint.translate(PAGE, Access.READ)));
      iommu.reconfigure(off, keeps);
      assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)), "off: as it is");
      assertEquals(0x5000, outcome(endpoint.translate(0x5000, Access.READ)), "off: as it is");
      iommu.reconfigure(otherTables, keeps);
      long first = outcome(endpoint.translate(PAGE, Access.READ));
      assertEquals(keeps ? out(1) : other, first, "on again, keeps " + keeps);
      iommu.invalidateAll();
      assertEquals(other, outcome(endpoint.translate(PAGE, Access.READ)));
      iommu.reconfigure(off, keeps);
      iommu.invalidateAll();
      assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)));
      iommu.reconfigure(on, keeps);
      assertEquals(out(1), outcome(endpoint.translate(PAGE, Access.READ)), "invalidated while off");
    }
  }

  @Test
  void whatPassesWhileTheUnitIsOffIsNeverKept() {
    Map<String, Long> on = states(Format.SMMUV3).get(0);
    Iommu iommu = unit(Format.SMMUV3, with(on, "CR0", 4));
    Endpoint endpoint = iommu.newTranslator().endpoint(SOURCE, -1);
    assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)));
    assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)));
    iommu.reconfigure(Map.of("GBPA", 1L << 20), true);
    long answer = endpoint.translate(PAGE, Access.READ);
    assertEquals(Outcome.ABORTED.code(), Translation.code(answer));
    iommu.reconfigure(Map.of("GBPA", 0L), true);
    assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)));
    iommu.reconfigure(Map.of("CR0", 5L), true);
    for (long offset = 0; offset <= 4096; offset += 4096) {
      assertEquals(out(1) + offset, outcome(endpoint.translate(PAGE + offset, Access.READ)));
    }
  }

  /** A pass-through device: what it reached before is protected at once, whatever is kept. */
  @Test
  void protectedMemoryIsProtectedWhateverIsKept() {
    VtdMachine machine = new VtdMachine(memory).register("CAP", VtdMachine.CAP | 1L << 5);
    machine.context(SOURCE, 2, 3, 5, 0);
    machine.register("PLMBASE", PAGE & -(1L << 21)).register("PLMLIMIT", PAGE | (1L << 21) - 1);
    Iommu iommu = unit(Format.VTD, machine.registers());
    Endpoint endpoint = iommu.newTranslator().endpoint(SOURCE, -1);
    assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)));
    assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)));
    iommu.reconfigure(Map.of("PMEN", 1L), true);
    long answer = endpoint.translate(PAGE, Access.READ);
    assertEquals(Outcome.PROTECTED_MEMORY.code(), Translation.code(answer));
    iommu.reconfigure(Map.of("PMEN", 0L), true);
    assertEquals(PAGE, outcome(endpoint.translate(PAGE, Access.READ)));
  }

  @Test
  void whetherEventsAreRecordedFollowsEventqen() {
    Map<String, Long> on = states(Format.SMMUV3).get(0);
    Iommu iommu = unit(Format.SMMUV3, on);
    Translator translator = iommu.newTranslator();
    Endpoint endpoint = translator.endpoint(SOURCE, -1);
    for (long cr0 : new long[] {5, 1, 5}) {
      iommu.reconfigure(Map.of("CR0", cr0), true);
      assertTrue(Translation.isFault(endpoint.translate(0x7000, Access.READ)));
      assertEquals(cr0 == 5, translator.lastFault().isRecorded());
      assertFalse(Translation.isFault(endpoint.translate(PAGE, Access.READ)));
    }
  }
}
