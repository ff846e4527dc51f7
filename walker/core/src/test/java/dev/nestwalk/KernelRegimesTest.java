package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.walk.Kernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Regimes that the kernel answers itself, whichever way it is asked: as the full walker does, and
 * never by leaving the request to it.
 */
class KernelRegimesTest {
  private static final long PAGE = 0x4030_0000L;
  private static final long MIDDLE = 0x5030_0000L;
  private static final long OUT = 0x8030_0000L;
  private static final int PAGES = 40;
  private static final long HUGE = 1L << 39;
  private static final long FIRST = 1L << 10 | 1L << 6 | 1L << 11;
  private static final long SECOND = 1L << 10 | 3L << 6 | 15L << 2;
  private static final CacheOptions SMALL =
      CacheOptions.DEFAULT.withIotlb(16, 4).withStructures(64, 64, 0);

  /** What differs from four-level tables of 48-bit addresses. */
  enum Regime {
    PLAIN,
    BIG_ENDIAN,
    UPPER,
    TAGGED,
    UPPER_TAGGED,
    BOTH,
    BOTH_TAGGED,
    BOTH_RESTRICTED,
    PRIVILEGED,
    TABLES_IN_NORMAL_MEMORY,
    FORCED_WRITE_BACK_TABLES,
    WIDE_64K,
    WIDE_4K,
    RESTRICTED,
    RESTRICTED_TAGGED;

    boolean isUpper() {
      return this == UPPER || this == UPPER_TAGGED;
    }

    /** Whether every other address is in the other range of input. */
    boolean isBoth() {
      return this == BOTH || this == BOTH_TAGGED || this == BOTH_RESTRICTED;
    }

    boolean isTagged() {
      return this == TAGGED
          || this == UPPER_TAGGED
          || this == BOTH_TAGGED
          || this == RESTRICTED_TAGGED;
    }

    boolean isWide() {
      return this == WIDE_64K || this == WIDE_4K;
    }

    /** Whether a configuration of these stages can have it. */
    boolean isOf(boolean first, boolean second) {
      return switch (this) {
        case UPPER,
            TAGGED,
            UPPER_TAGGED,
            BOTH,
            BOTH_TAGGED,
            BOTH_RESTRICTED,
            PRIVILEGED,
            RESTRICTED_TAGGED ->
            first;
        case TABLES_IN_NORMAL_MEMORY, FORCED_WRITE_BACK_TABLES -> first && second;
        default -> true;
      };
    }
  }

  static Stream<Arguments> regimes() {
    List<Arguments> all = new ArrayList<>();
    for (Regime regime : Regime.values()) {
      for (int stages = 1; stages <= 3; stages++) {
        if (regime.isOf((stages & 1) != 0, (stages & 2) != 0)) {
          all.add(Arguments.of(regime, stages));
        }
      }
    }
    return all.stream();
  }

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  @ParameterizedTest(name = "{0}, stages {1}")
  @MethodSource("regimes")
  void smmuv3RequestsAreAnsweredByTheKernel(Regime regime, int stages) {
    Iommu iommu = smmu(regime, (stages & 1) != 0, (stages & 2) != 0);
    long[] iovas = new long[PAGES];
    int granule = regime == Regime.WIDE_64K ? 16 : 12;
    for (int page = 0; page < PAGES; page++) {
      iovas[page] = PAGE + ((long) page << granule) + 8L * page;
      boolean upper = regime.isUpper() || regime.isBoth() && page % 2 == 1;
      iovas[page] |= upper ? -1L << 48 : 0;
      if (regime.isTagged()) {
        iovas[page] = iovas[page] << 8 >>> 8 | page * 29L << 56;
      }
    }
    if (regime == Regime.WIDE_4K) {
      iovas[PAGES - 1] = HUGE + 0x12_3456_7890L;
    }
    answered(iommu, iovas);
  }

  /** Outputs of 52 bits where the configuration has 48: the kernel leaves them, as faults. */
  @ParameterizedTest(name = "{0}, stages {1}")
  @CsvSource({
    "WIDE_64K, 1",
    "WIDE_64K, 2",
    "WIDE_64K, 3",
    "WIDE_4K, 1",
    "WIDE_4K, 2",
    "WIDE_4K, 3"
  })
  void outputsBeyondTheSizeAreLeftToTheFullWalk(Regime regime, int stages) {
    Iommu iommu = smmu(regime, (stages & 1) != 0, (stages & 2) != 0, 48);
    Translator full = iommu.newUncachedTranslator();
    long iova = PAGE + 8;
    String answer = Translation.describe(full.translate(1, -1, iova, Access.READ));
    assertTrue(answer.startsWith("fault 0x11 "), answer);
    for (CacheOptions options : List.of(CacheOptions.NONE, SMALL)) {
      Endpoint endpoint = iommu.newTranslator(options).endpoint(1, -1);
      endpoint.translate(iova, Access.READ);
      Kernel kernel = endpoint.kernel;
      assertNotNull(kernel);
      assertEquals(0, kernel.translate(iova, Access.READ));
    }
  }

  private Iommu smmu(Regime regime, boolean first, boolean second) {
    return smmu(regime, first, second, regime.isWide() ? 52 : 48);
  }

  private Iommu smmu(Regime regime, boolean first, boolean second, int size) {
    boolean wide64 = regime == Regime.WIDE_64K;
    int granule = wide64 ? 16 : 12;
    int start = wide64 ? 1 : 0;
    TableMemory memory = new TableMemory(arena).run(0x20_0000, wide64 ? 2048 : 256);
    SmmuMachine machine = new SmmuMachine(memory);
    machine.register("IDR3", SmmuMachine.IDR3 | 1L << 10);
    machine.register("IDR5", (regime.isWide() ? 6L : 5L) | 7L << 4 | 1L << 7);
    long high = regime == Regime.WIDE_4K ? 1L << 49 | 2L << 8 : wide64 ? 5L << 12 : 0;
    VmsaTables ofFirst = new VmsaTables(memory, granule, start, 48);
    VmsaTables ofSecond = new VmsaTables(memory, granule, start, 48);
    long context = memory.allocate();
    int tables = memory.pagesUsed();
    boolean nested = first && second;
    boolean forced = regime == Regime.FORCED_WRITE_BACK_TABLES;
    long below = forced ? SECOND & ~(15L << 2) | 6L << 2 : SECOND;
    for (int page = 0; page < PAGES; page++) {
      long at = (long) page << granule;
      long out = nested ? MIDDLE + at : OUT + at;
      if (first) {
        ofFirst.map(PAGE + at, out, 3, FIRST | (nested ? 0 : high));
      }
      if (second) {
        ofSecond.map((nested ? MIDDLE : PAGE) + at, OUT + at, 3, below | high);
      }
    }
    if (regime == Regime.WIDE_4K) {
      // Blocks of 512 GiB, which only tables of 52-bit addresses have (DDI 0487, D8.3.1).
      ofFirst.map(HUGE, nested ? 2 * HUGE : 3 * HUGE, 0, FIRST);
      ofSecond.map(nested ? 2 * HUGE : HUGE, 3 * HUGE, 0, below);
    }
    if (nested) {
      // Tables of stage 1 sit at equal intermediate and physical addresses.
      for (long at = 0x20_0000; at < 0x20_0000 + memory.pages() * 4096L; at += 1L << granule) {
        ofSecond.map(at, at, 3, below);
      }
    }
    ContextEntry entry = new ContextEntry(size).set(regime.isUpper() ? 39 : 38);
    entry = regime.isUpper() ? entry.upper(ofFirst) : entry.lower(ofFirst);
    entry = regime.isBoth() ? entry.upper(ofFirst).set(39) : entry;
    if (!regime.isTagged()) {
      entry.clear(38).clear(39);
    }
    StreamEntry stream = new StreamEntry(first ? second ? 7 : 5 : 6);
    if (first) {
      stream.stage1(context, 0, 0, 0);
    }
    if (second) {
      stream.stage2(ofSecond, size);
    }
    switch (regime) {
      case BIG_ENDIAN -> {
        entry.set(15);
        stream.set(180);
        swap(memory, tables, ofFirst.root(), ofSecond.root());
      }
      case PRIVILEGED -> stream.set(112).set(113);
      case TABLES_IN_NORMAL_MEMORY -> stream.set(182);
      case FORCED_WRITE_BACK_TABLES -> stream.set(182).set(89);
      case WIDE_4K -> {
        entry.set(186);
        stream.set(195);
      }
      default -> {}
    }
    machine.context(context, entry);
    machine.stream(1, stream);
    Iommu iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
    if (regime == Regime.RESTRICTED
        || regime == Regime.RESTRICTED_TAGGED
        || regime == Regime.BOTH_RESTRICTED) {
      RegionSet elsewhere = RegionSet.of(List.of(Region.ARM_SW_MSI));
      iommu.restrict(1, -1, elsewhere, elsewhere);
    }
    return iommu;
  }

  /** Turns the bytes of every entry: of the start tables, and of all pages from {@code from} on. */
  private static void swap(TableMemory memory, int from, long... roots) {
    MemorySegment bytes = memory.runs().get(0).bytes();
    for (long root : roots) {
      swap(bytes, root - 0x20_0000);
    }
    for (int page = from; page < memory.pagesUsed(); page++) {
      swap(bytes, memory.page(page) - 0x20_0000);
    }
  }

  private static void swap(MemorySegment bytes, long table) {
    for (long at = table; at < table + 4096; at += 8) {
      long word = bytes.get(ValueLayout.JAVA_LONG, at);
      bytes.set(ValueLayout.JAVA_LONG, at, Long.reverseBytes(word));
    }
  }

  /** A supervisor's requests in VT-d's first stage. */
  enum Supervisor {
    WRITES_ANYWHERE,
    OBEYS_WRITE_PROTECTION
  }

  @ParameterizedTest
  @EnumSource
  void vtdSupervisorRequestsAreAnsweredByTheKernel(Supervisor supervisor) {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
    VtdMachine machine = new VtdMachine(memory).scalable();
    FirstStageTables tables = new FirstStageTables(memory, 4);
    boolean protects = supervisor == Supervisor.OBEYS_WRITE_PROTECTION;
    for (int page = 0; page < PAGES; page++) {
      // P, A, D; R/W where writes are obeyed.
      long rights = 1 | 0x60 | (protects ? 2 : 0);
      tables.map(PAGE + page * 4096L, OUT + page * 4096L, 12, rights);
    }
    PasidEntry entry = PasidEntry.firstStage(4, tables.root()).supervisorRequests().walkSnoop();
    machine.scalableContext(1, 4 | 8, 0, 1 << 20);
    machine.pasid(1, 0, protects ? entry.writeProtect() : entry);
    machine.register("ECAP", VtdMachine.ECAP);
    Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
    long[] iovas = new long[PAGES];
    for (int page = 0; page < PAGES; page++) {
      iovas[page] = PAGE + page * 4096L;
    }
    answered(iommu, iovas);
  }

  /** Asks the kernel itself, with and without caches, one by one and in batches. */
  private static void answered(Iommu iommu, long[] iovas) {
    Translator full = iommu.newUncachedTranslator();
    for (CacheOptions options : List.of(CacheOptions.NONE, SMALL, SMALL.withIotlb(0, 1))) {
      Endpoint endpoint = iommu.newTranslator(options).endpoint(1, -1);
      for (int access = Access.READ; access <= Access.ATOMIC; access++) {
        long[] expected = new long[iovas.length];
        for (int i = 0; i < iovas.length; i++) {
          expected[i] = full.translate(1, -1, iovas[i], access);
          String answer = Translation.describe(expected[i]);
          assertFalse(Translation.isFault(expected[i]), () -> "the machine is wrong: " + answer);
          assertEquals(expected[i], endpoint.translate(iovas[i], access));
          Kernel kernel = endpoint.kernel;
          assertNotNull(kernel);
          String where = "0x%x, access %d".formatted(iovas[i], access);
          assertEquals(expected[i], kernel.translate(iovas[i], access), where);
        }
        long[] answers = new long[iovas.length];
        Kernel kernel = endpoint.kernel;
        assertNotNull(kernel);
        assertEquals(0, kernel.translate(iovas, answers, 0, iovas.length, access), "unanswered");
        for (int i = 0; i < iovas.length; i++) {
          assertEquals(expected[i], answers[i]);
        }
      }
    }
  }
}
