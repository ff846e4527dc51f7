package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Walks side by side, in tables of small pages of which a bit is flipped: each address is answered
 * as it is for itself, whatever happens in the lanes beside it.
 */
class BatchOfWalksTest {
  private static final int PAGES = 96;
  private static final long MIDDLE = 0x30_0000_0000L;

  /** A range that VT-d's interrupt range begins in, at page 48 of 96. */
  private static final long AT_INTERRUPTS = 0xfedd_0000L;

  private long input = 0x10_0000_0000L;
  private long output = 0x20_0000_0000L;
  private static final long TABLES = 0x100_0000_0000L;
  private static final int BATCH = 80;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 256);
  private final Random random = new Random(16);

  @AfterEach
  void close() {
    arena.close();
  }

  /** What translates. */
  enum Mode {
    VTD_FIRST,
    VTD_SECOND,
    VTD_NESTED,
    SMMUV3_STAGE1,
    SMMUV3_STAGE2,
    SMMUV3_NESTED
  }

  @ParameterizedTest
  @EnumSource
  void answersAreThoseOfSingleWalks(Mode mode) {
    compareMany(mode);
  }

  @ParameterizedTest
  @EnumSource(names = "VTD_.*", mode = EnumSource.Mode.MATCH_ANY)
  void inputsInTheInterruptRangeToo(Mode mode) {
    input = AT_INTERRUPTS;
    compareMany(mode);
  }

  @ParameterizedTest
  @EnumSource(names = "VTD_.*", mode = EnumSource.Mode.MATCH_ANY)
  void outputsInTheInterruptRangeToo(Mode mode) {
    output = AT_INTERRUPTS;
    compareMany(mode);
  }

  private void compareMany(Mode mode) {
    boolean vtd = mode.name().startsWith("VTD");
    Iommu iommu = vtd ? vtd(mode) : smmu(mode);
    MemorySegment tables = memory.runs().get(0).bytes();
    MemorySegment clean = arena.allocate(tables.byteSize(), 8).copyFrom(tables);
    CacheOptions shortened = CacheOptions.NONE.withStructures(64, 64, 0);
    CacheOptions[] kinds = {CacheOptions.NONE, shortened, CacheOptions.DEFAULT};
    Translator[] lasting = new Translator[kinds.length];
    for (int kind = 0; kind < kinds.length; kind++) {
      lasting[kind] = iommu.newTranslator(kinds[kind]);
    }
    int refused = 0;
    for (int round = 0; round < 1000; round++) {
      if (round % 4 != 0) {
        flip(tables);
      }
      int access = 1 + random.nextInt(3);
      long[] iovas = addresses();
      int kind = round % kinds.length;
      refused += compare(iommu, lasting[kind], iovas, access, round);
      compare(iommu, iommu.newTranslator(kinds[kind]), iovas, access, round);
      tables.copyFrom(clean);
      everythingChanged(iommu, vtd);
    }
    assertTrue(refused > 300, refused + " refused");
  }

  private int compare(Iommu iommu, Translator translator, long[] iovas, int access, int round) {
    long[] answers = new long[BATCH];
    // Makes tables known where they are kept.
    translator.endpoint(1, -1).translate(iovas[0], access);
    int refused = translator.endpoint(1, -1).translate(iovas, answers, 0, BATCH, access);
    Translator plain = iommu.newUncachedTranslator();
    int faults = 0;
    for (int i = 0; i < BATCH; i++) {
      long expected = plain.translate(1, -1, iovas[i], access);
      faults += Translation.isFault(expected) ? 1 : 0;
      String where = "round %d: 0x%x".formatted(round, iovas[i]);
      assertEquals(Translation.describe(expected), Translation.describe(answers[i]), where);
    }
    assertEquals(faults, refused);
    return faults;
  }

  private long[] addresses() {
    long[] iovas = new long[BATCH];
    // Of every other batch all pages are there, so that nothing but the bit stands in the way.
    int pages = random.nextBoolean() ? PAGES : PAGES + 2;
    for (int i = 0; i < BATCH; i++) {
      iovas[i] = input + random.nextInt(pages) * 4096L + random.nextInt(4096);
    }
    return iovas;
  }

  /** Flips a bit of a table entry that is not zero. */
  private void flip(MemorySegment tables) {
    while (true) {
      long at = random.nextLong(tables.byteSize() / 8);
      long entry = tables.getAtIndex(ValueLayout.JAVA_LONG, at);
      if (entry != 0) {
        tables.setAtIndex(ValueLayout.JAVA_LONG, at, entry ^ 1L << random.nextInt(64));
        return;
      }
    }
  }

  private static void everythingChanged(Iommu iommu, boolean vtd) {
    if (vtd) {
      iommu.vtdInvalidations().contextGlobal();
      iommu.vtdInvalidations().iotlbGlobal();
    } else {
      iommu.smmuInvalidations().configAll();
      iommu.smmuInvalidations().all();
    }
  }

  private Iommu vtd(Mode mode) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    SecondStageTables second = new SecondStageTables(memory, 4);
    boolean nested = mode == Mode.VTD_NESTED;
    GuestSpace guest = new GuestSpace(memory, second, TABLES);
    FirstStageTables first = new FirstStageTables(nested ? guest : memory, 4);
    long used =
        FirstStageTables.P
            | FirstStageTables.RW
            | FirstStageTables.US
            | FirstStageTables.A
            | FirstStageTables.D;
    for (int page = 0; page < PAGES; page++) {
      long offset = page * 4096L;
      first.map(input + offset, (nested ? MIDDLE : output) + offset, 12, used);
      second.map((nested ? MIDDLE : input) + offset, output + offset, 12, 3);
    }
    PasidEntry entry =
        switch (mode) {
          case VTD_FIRST -> PasidEntry.firstStage(4, first.root());
          case VTD_SECOND -> PasidEntry.secondStage(2, second.root());
          default -> PasidEntry.nested(first, second);
        };
    machine.pasid(1, 0, entry.noExecute().walkSnoop().domain(1));
    return Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  }

  private Iommu smmu(Mode mode) {
    SmmuMachine machine = new SmmuMachine(memory);
    VmsaTables second = new VmsaTables(memory, 12, 0, 48);
    VmsaTables first = new VmsaTables(memory, 12, 0, 48);
    boolean nested = mode == Mode.SMMUV3_NESTED;
    long firstPage = 1L << 10 | 1L << 6;
    long secondPage = 1L << 10 | 3L << 6 | 15L << 2;
    for (int page = 0; page < PAGES; page++) {
      long offset = page * 4096L;
      first.map(input + offset, (nested ? MIDDLE : output) + offset, 3, firstPage);
      second.map((nested ? MIDDLE : input) + offset, output + offset, 3, secondPage);
    }
    long contexts = memory.allocate();
    for (int page = 0; page < memory.pages(); page++) {
      second.map(memory.page(page), memory.page(page), 3, secondPage);
    }
    machine.context(contexts, new ContextEntry(48).lower(first));
    StreamEntry entry =
        switch (mode) {
          case SMMUV3_STAGE1 -> new StreamEntry(5).stage1(contexts, 0, 0, 0);
          case SMMUV3_STAGE2 -> new StreamEntry(6).stage2(second, 48);
          default -> new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(second, 48);
        };
    machine.stream(1, entry);
    return Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }
}
