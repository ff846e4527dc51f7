package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * SMMUv3's ignored top bytes (CD.TBI0, TBI1): a tagged address is another name of its page, in the
 * caches, in ranges that invalidations name, and beside restrictions. Bit 55 chooses the range.
 */
class TaggedAddressesTest {
  private static final long LOW = 0x4030_2000L;
  private static final long HIGH = 0xffff_ffc0_4030_2000L;
  private static final long OUT = 0x8000_0000L;
  private static final long PAGE = 1L << 10 | 1L << 6 | 1L << 11;
  private static final int TBI0 = 38;
  private static final int TBI1 = 39;
  private static final long[] TAGS = {0, 0x55, 0x7f, 0x80, 0xaa, 0xff};

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final VmsaTables lower = new VmsaTables(memory, 12, 1, 39).map(LOW, OUT, 3, PAGE);
  private final VmsaTables upper = new VmsaTables(memory, 12, 1, 39);
  private final long context = memory.allocate();
  private final SmmuMachine machine = new SmmuMachine(memory);
  private Iommu iommu = build();

  private Iommu build() {
    return Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }

  @BeforeEach
  void map() {
    machine.register("IDR3", SmmuMachine.IDR3 | 1L << 10);
    upper.map(HIGH & (1L << 39) - 1, OUT + 4096, 3, PAGE);
    ignoring(TBI0, TBI1);
    machine.stream(1, new StreamEntry(5).stage1(context, 0, 0, 0));
    iommu = build();
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private void ignoring(int... bits) {
    ContextEntry entry = new ContextEntry(48).lower(lower).upper(upper);
    for (int bit : bits) {
      entry.set(bit);
    }
    machine.context(context, entry);
  }

  private static long tagged(long address, long tag) {
    return address << 8 >>> 8 | tag << 56;
  }

  private static long output(long answer) {
    return Translation.isFault(answer) ? -1 : Translation.address(answer);
  }

  private static CacheOptions counting() {
    return CacheOptions.DEFAULT.withCounters();
  }

  @Test
  void everyTagOfAPageIsAHitOnceOneWasWalked() {
    Translator translator = iommu.newTranslator(counting());
    for (long tag : TAGS) {
      assertEquals(OUT + 8, output(translator.translate(1, -1, tagged(LOW + 8, tag), Access.READ)));
      assertEquals(
          OUT + 4104, output(translator.translate(1, -1, tagged(HIGH + 8, tag), Access.READ)));
    }
    assertEquals(2, translator.counters().misses(), "one page in each range");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 0x55, 0x80, 0xff})
  void anInvalidationByAddressDropsEveryTagOfIt(long inCommand) {
    for (boolean leafOnly : new boolean[] {false, true}) {
      for (CacheOptions options : new CacheOptions[] {CacheOptions.DEFAULT, counting()}) {
        for (long page : new long[] {LOW, HIGH}) {
          expectDropped(options, page, tagged(page, inCommand), leafOnly);
        }
      }
    }
  }

  /** Unmaps a page that was used under every tag, invalidates one name of it, and asks again. */
  private void expectDropped(CacheOptions options, long page, long named, boolean leafOnly) {
    Translator translator = iommu.newTranslator(options);
    long output = page == LOW ? OUT : OUT + 4096;
    for (int round = 0; round < 2; round++) {
      for (long tag : TAGS) {
        assertEquals(output, output(translator.translate(1, -1, tagged(page, tag), Access.READ)));
      }
    }
    long leaf =
        page == LOW
            ? lower.descriptorAddress(LOW, 3)
            : upper.descriptorAddress(HIGH & (1L << 39) - 1, 3);
    long word = memory.get(leaf);
    memory.put(leaf, 0);
    // CMD_TLBI_NH_VA of one page, and of a range of two.
    assertEquals(0, iommu.smmuInvalidations().submit(0x12, named | (leafOnly ? 1 : 0)));
    for (long tag : TAGS) {
      assertEquals(-1, output(translator.translate(1, -1, tagged(page, tag), Access.READ)));
    }
    memory.put(leaf, word);
  }

  @Test
  void rangesThatMeetTheEndOfTheTagsDropBothSides() {
    Translator translator = iommu.newTranslator(counting());
    long[][] ranges = {
      // All of a tag; the upper half and on to the lower half of the next tag; everything.
      {tagged(0, 0x12), tagged(0, 0x12) | (1L << 56) - 1},
      {tagged(HIGH, 0x12), tagged(LOW, 0x13)},
      {tagged(HIGH, 0xff), tagged(LOW, 0x00) | 1L << 62},
      {0, -1},
    };
    for (long[] range : ranges) {
      translator.translate(1, -1, tagged(LOW, 0x55), Access.READ);
      translator.translate(1, -1, tagged(HIGH, 0x55), Access.READ);
      iommu.smmuInvalidations().stage1Range(0, 0, range[0], range[1], true);
      long misses = translator.counters().misses();
      translator.translate(1, -1, tagged(LOW, 0x66), Access.READ);
      translator.translate(1, -1, tagged(HIGH, 0x66), Access.READ);
      assertEquals(
          2, translator.counters().misses() - misses, "%x to %x".formatted(range[0], range[1]));
    }
  }

  @Test
  void oneRangeMayIgnoreItsTopByteAndTheOtherCountIt() {
    for (boolean ignoredBelow : new boolean[] {true, false}) {
      ignoring(ignoredBelow ? TBI0 : TBI1);
      iommu.invalidateAll();
      for (CacheOptions options : new CacheOptions[] {CacheOptions.DEFAULT, CacheOptions.NONE}) {
        Translator translator = iommu.newTranslator(options);
        for (int round = 0; round < 2; round++) {
          for (long tag : TAGS) {
            boolean low = ignoredBelow || tag == 0;
            boolean high = !ignoredBelow || tag == 0xff;
            assertEquals(
                low ? OUT : -1, output(translator.translate(1, -1, tagged(LOW, tag), Access.READ)));
            assertEquals(
                high ? OUT + 4096 : -1,
                output(translator.translate(1, -1, tagged(HIGH, tag), Access.READ)));
          }
        }
      }
    }
  }

  @Test
  void aBatchOfTaggedAndOtherAddressesAnswersAsSingleTranslations() {
    long[] iovas = new long[200];
    for (int i = 0; i < iovas.length; i++) {
      long tag = i % 7 == 0 ? TAGS[i % TAGS.length] : (i & 1) == 0 ? 0 : 0xff;
      iovas[i] = tagged((i & 1) == 0 ? LOW + i : HIGH + i, tag);
    }
    for (CacheOptions options :
        new CacheOptions[] {CacheOptions.DEFAULT, counting(), CacheOptions.NONE}) {
      Translator translator = iommu.newTranslator(options);
      long[] answers = new long[iovas.length];
      translator.endpoint(1, -1).translate(iovas, answers, 0, iovas.length, Access.READ);
      for (int i = 0; i < iovas.length; i++) {
        assertEquals((i & 1) == 0 ? OUT + i : OUT + 4096 + i, output(answers[i]), "place " + i);
      }
    }
  }

  private List<Translator> translators() {
    return List.of(
        iommu.newTranslator(),
        iommu.newTranslator(counting()),
        iommu.newTranslator(CacheOptions.NONE),
        iommu.newUncachedTranslator());
  }

  /** Software barred one name of a page; the others may fill the caches. */
  @Test
  void aBarredTagIsRefusedThoughItsPageIsKeptUnderOthers() {
    for (long page : new long[] {LOW, HIGH}) {
      long barred = tagged(page, TAGS[2]);
      Region name = new Region(barred, barred | 0xfff, RegionKind.RESERVED);
      iommu.restrict(1, -1, RegionSet.of(List.of(name)), RegionSet.EMPTY);
      long[] iovas = Arrays.stream(TAGS).map(tag -> tagged(page + 16, tag)).toArray();
      long[] answers = new long[iovas.length];
      for (Translator translator : translators()) {
        for (int round = 0; round < 3; round++) {
          translator.endpoint(1, -1).translate(iovas, answers, 0, iovas.length, Access.READ);
          for (int i = 0; i < iovas.length; i++) {
            long expected = i == 2 ? -1 : page == LOW ? OUT + 16 : OUT + 4112;
            assertEquals(expected, output(answers[i]), "in a batch, 0x%x".formatted(iovas[i]));
            long alone = translator.translate(1, -1, iovas[i], Access.READ);
            assertEquals(expected, output(alone), "alone, 0x%x".formatted(iovas[i]));
          }
        }
      }
    }
  }

  @Test
  void aTagIsNoWayAroundARestriction() {
    Region page = new Region(LOW, LOW + 0xfff, RegionKind.MSI);
    iommu.restrict(1, -1, RegionSet.of(List.of(page)), RegionSet.EMPTY);
    for (Translator translator : translators()) {
      for (int round = 0; round < 2; round++) {
        for (long tag : TAGS) {
          long answer = translator.translate(1, -1, tagged(LOW + 16, tag), Access.READ);
          assertEquals(Outcome.RESERVED_MSI.packed(), answer, Translation.describe(answer));
          assertEquals(tagged(LOW + 16, tag), translator.lastFault().iova());
        }
      }
      assertTrue(output(translator.translate(1, -1, tagged(HIGH, 3), Access.READ)) > 0);
    }
  }
}
