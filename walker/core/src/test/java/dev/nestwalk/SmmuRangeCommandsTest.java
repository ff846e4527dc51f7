package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Range commands drop exactly the pages that they name: for each granule, for stage 1, stage 2 and
 * EL2 with and without E2H, whatever the low bits of the address are. ASIDs count where there are
 * some, and other regimes' translations stay.
 */
final class SmmuRangeCommandsTest {
  private static final long BASE = 0x4000_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final int PAGES = 24;
  private static final long FIRST_FLAGS = 1L << 10 | 1L << 6;
  private static final long NOT_GLOBAL = 1L << 11;
  private static final long SECOND_FLAGS = 1L << 10 | 3L << 6 | 15L << 2;

  /** Whose translations a command names. */
  enum Regime {
    STAGE1,
    STAGE2,
    EL2,
    EL2_E2H
  }

  static Stream<Arguments> combinations() {
    List<Arguments> all = new ArrayList<>();
    for (Regime regime : Regime.values()) {
      for (int granule : new int[] {12, 14, 16}) {
        all.add(Arguments.of(regime, granule));
      }
    }
    return all.stream();
  }

  /** An IPA has up to 52 bits, a VA all; what the command has above an IPA is no part of it. */
  @ParameterizedTest
  @CsvSource({"0x12, 64", "0x13, 64", "0x22, 64", "0x23, 64", "0x2a, 52"})
  void everyBitOfAnAddressIsNamed(int opcode, int width) {
    try (Arena arena = Arena.ofConfined()) {
      SmmuLab lab = new SmmuLab(arena).register("IDR0", 0, 1L << 9 | 1L << 18);
      Iommu iommu = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
      List<Long> named = new ArrayList<>();
      iommu.addListener((stage, domain, process, first, last) -> named.add(first));
      for (int bit = 12; bit < 64; bit++) {
        int verdict = iommu.smmuInvalidations().submit(opcode, 1L << bit);
        assertEquals(SmmuInvalidations.DONE, verdict, "bit " + bit);
        assertEquals(bit < width ? 1L << bit : 0, named.removeLast(), "bit " + bit);
      }
    }
  }

  /** SCALE has a sixth bit with DS (IDR5, bit 7) alone; without any, a range is no range. */
  @ParameterizedTest
  @CsvSource({
    "false, 0, 32, -1",
    "false, 1, 32, 0x1fff",
    "false, 0, 33, 0x1fff",
    "true, 0, 32, 0xfffffffffff",
    "true, 0, 39, 0x7ffffffffffff",
    "true, 0, 40, 0x7ffffffffffff",
    "true, 0, 63, 0x7ffffffffffff",
  })
  void scaleHasASixthBitWithLargeAddressesAlone(boolean ds, long num, long scale, long last) {
    try (Arena arena = Arena.ofConfined()) {
      SmmuLab lab = new SmmuLab(arena).register("IDR3", 0, 1L << 10);
      lab.register("IDR5", 0, ds ? 1L << 7 : 0);
      Iommu iommu = Iommu.smmuv3(Comparison.over(lab.memory), lab.machine.registers());
      List<Long> named = new ArrayList<>();
      iommu.addListener((stage, domain, process, first, end) -> named.add(end));
      int verdict = iommu.smmuInvalidations().submit(0x12 | num << 12 | scale << 20, 1L << 10);
      assertEquals(last < 0 ? SmmuInvalidations.ILLEGAL : SmmuInvalidations.DONE, verdict);
      assertEquals(last < 0 ? List.of() : List.of(last), named);
    }
  }

  @ParameterizedTest
  @MethodSource("combinations")
  void theyDropThePagesThatTheyName(Regime regime, int granule) {
    try (Arena arena = Arena.ofConfined()) {
      Scene scene = new Scene(regime, granule, arena);
      for (int num = 0; num < 4; num++) {
        for (int scale = 0; scale < 3; scale++) {
          for (int page : new int[] {0, 3, 10}) {
            scene.check(page, num, scale, 1);
          }
        }
      }
      scene.check(5, 0, 0, 2);
    }
  }

  @Test
  void aRangeBeyondTheLastAddressEndsThere() {
    try (Arena arena = Arena.ofConfined()) {
      Scene scene = new Scene(Regime.STAGE1, 12, arena);
      List<String> heard = new ArrayList<>();
      scene.iommu.addListener(
          new InvalidationListener() {
            @Override
            public void unmapped(Stage stage, int domain, int process, long first, long last) {
              heard.add("%s %x %x %x-%x".formatted(stage, domain, process, first, last));
            }
          });
      // NUM 31, SCALE 2, TG 4K: 128 pages from the last but three on.
      scene.iommu.smmuInvalidations().submit(0x12 | 31 << 12 | 2 << 20, -0x3000L & ~0xfffL | 0x400);
      assertEquals(List.of("FIRST 0 0 ffffffffffffd000-ffffffffffffffff"), heard);
    }
  }

  /** CMD_TLBI_NH_ASID and CMD_TLBI_EL2_ASID: all of one ASID, nothing of another regime. */
  @ParameterizedTest
  @EnumSource(names = {"STAGE1", "EL2_E2H"})
  void commandsByAsidDropThatAsid(Regime regime) {
    try (Arena arena = Arena.ofConfined()) {
      Scene scene = new Scene(regime, 12, arena);
      long opcode = regime == Regime.STAGE1 ? 0x11 : 0x21;
      for (int id = 1; id <= 2; id++) {
        scene.keepAll();
        assertEquals(0, scene.iommu.smmuInvalidations().submit(opcode | (long) id << 48, 0));
        assertEquals(id == 1 ? PAGES : 0, scene.missing(1).size());
        assertEquals(id == 2 ? PAGES : 0, scene.missing(2).size());
        assertEquals(0, scene.missing(3).size());
      }
    }
  }

  /** Two streams of a regime with ASIDs 1 and 2, and one of another. */
  private static final class Scene {
    private final Regime regime;
    private final int granule;
    private final Iommu iommu;
    private final Translator translator;

    Scene(Regime regime, int granule, Arena arena) {
      this.regime = regime;
      this.granule = granule;
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 400);
      SmmuMachine machine = new SmmuMachine(memory);
      machine.register("IDR3", SmmuMachine.IDR3 | 1L << 10);
      machine.register("CR2", regime == Regime.EL2_E2H ? 3 : 2);
      int start = granule == 12 ? 1 : 2;
      int bits = granule == 12 ? 39 : granule == 14 ? 36 : 42;
      VmsaTables first = new VmsaTables(memory, granule, start, bits);
      VmsaTables second = new VmsaTables(memory, granule, start, bits);
      for (long page = 0; page < PAGES; page++) {
        long at = page << granule;
        first.map(BASE + at, OUT + at, 3, FIRST_FLAGS | NOT_GLOBAL);
        second.map(BASE + at, OUT + at, 3, SECOND_FLAGS);
      }
      for (int stream = 1; stream <= 2; stream++) {
        long context = memory.allocate();
        machine.context(context, new ContextEntry(48).lower(first).set(47 + stream));
        StreamEntry entry =
            regime == Regime.STAGE2
                ? new StreamEntry(6).stage2(second, 48).set(127 + stream)
                : new StreamEntry(5).stage1(context, 0, 0, 0);
        machine.stream(
            stream, regime == Regime.EL2 || regime == Regime.EL2_E2H ? entry.set(95) : entry);
      }
      long context = memory.allocate();
      machine.context(context, new ContextEntry(48).lower(first).set(48));
      StreamEntry other = new StreamEntry(5).stage1(context, 0, 0, 0);
      // Of EL2 where the others are of EL1, and the other way round.
      machine.stream(3, regime == Regime.STAGE1 || regime == Regime.STAGE2 ? other.set(95) : other);
      iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
      translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    }

    private Set<Integer> missing(int stream) {
      Set<Integer> missing = new TreeSet<>();
      for (int page = 0; page < PAGES; page++) {
        long misses = translator.counters().misses();
        long at = (long) page << granule | 0x10;
        long answer = translator.translate(stream, -1, BASE + at, Access.READ);
        assertEquals(OUT + at, Translation.address(answer), Translation.describe(answer));
        if (translator.counters().misses() != misses) {
          missing.add(page);
        }
      }
      return missing;
    }

    void keepAll() {
      for (int stream = 1; stream <= 3; stream++) {
        missing(stream);
        assertEquals(Set.of(), missing(stream), "all is kept");
      }
    }

    void check(int page, int num, int scale, int id) {
      keepAll();
      long tg = (granule - 10L) / 2;
      long opcode =
          switch (regime) {
            case STAGE1 -> 0x12;
            case STAGE2 -> 0x2a;
            default -> 0x22;
          };
      long name = regime == Regime.STAGE2 ? (long) id << 32 : (long) id << 48;
      // TTL has to be given where NUM and SCALE are zero.
      long word1 = BASE + ((long) page << granule) | tg << 10 | (num + scale == 0 ? 3 << 8 : 0) | 1;
      // Low bits of an address that the granule leaves out do not count.
      word1 |= granule > 12 ? 1L << granule - 1 : 0;
      int result =
          iommu
              .smmuInvalidations()
              .submit(opcode | (long) num << 12 | (long) scale << 20 | name, word1);
      String what =
          "%s, granule %d, page %d, NUM %d, SCALE %d, of %d"
              .formatted(regime, granule, page, num, scale, id);
      assertEquals(0, result, what);
      Set<Integer> named = new TreeSet<>();
      for (int i = page; i < PAGES && i < page + (num + 1 << scale); i++) {
        named.add(i);
      }
      boolean noAsids = regime == Regime.EL2;
      Set<Integer> none = new TreeSet<>();
      assertEquals(id == 1 || noAsids ? named : none, missing(1), what);
      assertEquals(id == 2 || noAsids ? named : none, missing(2), what);
      assertEquals(none, missing(3), what + ": another regime's");
    }
  }
}
