package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.DecodedField;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What embedders may ask for beside translations, and what they are told when it is not there. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class EmbeddersTest {
  private static final long PAGE = 0x4000_0000L;

  private final Arena arena = Arena.ofShared();
  private final TableMemory tables = new TableMemory(arena).run(0x10_0000, 16);
  private final long frame = tables.allocate();
  private final SecondStageTables second =
      new SecondStageTables(tables, 4).map(PAGE, frame, 12, 3).map(PAGE + 4096, frame, 12, 3);
  private final VtdMachine machine = new VtdMachine(tables).context(1, 0, 2, 5, second.root());
  private final GuestMemory memory = Comparison.over(tables);
  private final Iommu iommu = Iommu.vtd(memory, machine.registers(), 46);

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void anIommuHasItsMemoryAndTheInvalidationsOfItsOwnFormat() {
    assertSame(memory, iommu.memory());
    assertThrows(IllegalStateException.class, iommu::smmuInvalidations);
    SmmuMachine smmu = new SmmuMachine(new TableMemory(arena).run(0x10_0000, 16));
    Iommu other = Iommu.smmuv3(memory, smmu.registers());
    assertThrows(IllegalStateException.class, other::vtdInvalidations);
    assertThrows(IllegalArgumentException.class, () -> iommu.reason(0x7777));
    assertThrows(IllegalArgumentException.class, () -> other.reason(0x7777));
    for (Outcome outcome : Outcome.values()) {
      assertEquals(outcome.text(), iommu.reason(outcome.code()));
    }
    assertThrows(IllegalArgumentException.class, () -> Outcome.of(1));
  }

  @Test
  void ignoredInvalidationsDropNothing() {
    Endpoint endpoint = iommu.newTranslator().endpoint(1, -1);
    assertEquals(frame, Translation.address(endpoint.translate(PAGE, Access.READ)));
    iommu.ignoreInvalidations();
    second.map(PAGE, frame + 4096, 12, 3);
    iommu.invalidateAll();
    iommu.vtdInvalidations().iotlbPages(5, PAGE, 0, false);
    assertEquals(frame, Translation.address(endpoint.translate(PAGE, Access.READ)));
  }

  @Test
  void aThreadThatWaitsForATranslatorCanBeInterrupted() throws InterruptedException {
    Translator here = iommu.newTranslator();
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    iommu.invalidateAll();
    Thread waiting =
        new Thread(
            () -> {
              try {
                iommu.sync();
              } catch (InterruptedException e) {
                thrown.set(e);
              }
            });
    waiting.start();
    waiting.interrupt();
    waiting.join();
    assertTrue(String.valueOf(thrown.get()).contains("waiting for a translator"));
    here.poll();
    iommu.sync();
  }

  @Test
  void nobodyWaitsForATranslatorThatIsGone() throws InterruptedException {
    iommu.newTranslator();
    iommu.invalidateAll();
    boolean[] settled = new boolean[1];
    Thread waiting =
        new Thread(
            () -> {
              try {
                while (!settled[0]) {
                  System.gc();
                  settled[0] = iommu.sync(1, TimeUnit.MILLISECONDS).isEmpty();
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    waiting.start();
    waiting.join();
    assertTrue(settled[0], "its thread lives, and never polls");
  }

  @ParameterizedTest
  @EnumSource
  void aRestrictionNamesTheKindOfItsRegion(RegionKind kind) {
    RegionSet set = RegionSet.of(List.of(new Region(PAGE, PAGE + 4095, kind)));
    iommu.restrict(1, -1, set, RegionSet.EMPTY);
    Outcome expected =
        Outcome.valueOf(kind == RegionKind.RESERVED ? "RESERVED" : "RESERVED_" + kind);
    for (Translator translator : List.of(iommu.newTranslator(), iommu.newUncachedTranslator())) {
      long answer = translator.translate(1, -1, PAGE + 8, Access.READ);
      assertEquals(expected.packed(), answer);
      assertEquals(expected.packed(), translator.lastFault().translation());
      assertFalse(Translation.isFault(translator.translate(1, -1, PAGE + 4096, Access.READ)));
    }
  }

  @Test
  void aPartOfABufferIsWritten() {
    Endpoint endpoint = iommu.newTranslator().endpoint(1, -1);
    MemorySegment buffer = arena.allocate(16, 8);
    buffer.set(ValueLayout.JAVA_LONG, 8, 0x1234);
    assertEquals(8, endpoint.write(PAGE + 24, buffer, 8, 8));
    assertEquals(0x1234, tables.get(frame + 24));
    assertEquals(8, endpoint.read(PAGE + 24, buffer, 0, 8));
    assertEquals(0x1234, buffer.get(ValueLayout.JAVA_LONG, 0));
    assertThrows(IndexOutOfBoundsException.class, () -> endpoint.write(PAGE, buffer, 9, 8));
    assertThrows(IndexOutOfBoundsException.class, () -> endpoint.read(PAGE, buffer, -1, 8));
    MemorySegment words = arena.allocate(24, 8);
    assertThrows(
        IllegalArgumentException.class,
        () -> endpoint.translate(words.asSlice(0, 12), words, Access.READ));
    assertThrows(
        IllegalArgumentException.class,
        () -> endpoint.translate(words, words.asSlice(0, 16), Access.READ));
  }

  @Test
  void runsEndWhereTheirRoomOrTheRangeEnds() {
    assertThrows(IllegalArgumentException.class, () -> new DmaRuns(0));
    second.map(PAGE + 8192, frame + 8192, 12, 3);
    Endpoint endpoint = iommu.newTranslator().endpoint(1, -1);
    DmaRuns runs = new DmaRuns(2);
    assertEquals(0x2000, endpoint.translateRange(PAGE, 0x3000, Access.READ, runs), "no room");
    assertEquals(2, runs.count());
    assertEquals(0, runs.refusal());
    assertEquals(0x1000, endpoint.translateRange(PAGE + 0x2000, 0x2000, Access.READ, runs));
    assertTrue(Translation.isFault(runs.refusal()));
    assertEquals(1, runs.count());
    assertEquals(0x1000, endpoint.translateRange(PAGE + 0x800, 0x1000, Access.READ, runs));
    assertEquals(0x800, runs.length(0));
    assertEquals(frame + 0x800, runs.address(0));
    assertEquals(frame, runs.address(1));
  }

  @Test
  void endpointsAreIteratedOnceEach() {
    Translator translator = iommu.newTranslator();
    Endpoint one = translator.endpoint(1, -1);
    one.translate(PAGE, Access.READ);
    Iterator<Endpoint> all = translator.endpoints.iterator();
    assertSame(one, all.next());
    assertFalse(all.hasNext());
    assertThrows(NoSuchElementException.class, all::next);
  }

  @Test
  void recordsHaveFourWords() {
    FaultRecord record = new FaultRecord();
    record.record(1, 2, 3, 4);
    for (int word = 0; word < 4; word++) {
      assertEquals(word + 1, record.word(word));
    }
    assertThrows(IndexOutOfBoundsException.class, () -> record.word(4));
    assertThrows(IndexOutOfBoundsException.class, () -> record.word(-1));
  }

  @Test
  void repliesAreDescribed() {
    assertEquals(
        "success, untranslated requests only",
        AtsReply.describe(Translation.untranslatedOnly(PAGE)));
    long aborted = Translation.completed(Translation.fault(1, 0, 0), Completion.COMPLETER_ABORT);
    assertEquals(Completion.COMPLETER_ABORT.text(), AtsReply.describe(aborted));
    assertTrue(
        AtsReply.describe(Translation.ok(0x1000, 12, 3)).startsWith("success 0x1000 size=0x1000"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"CAP", "ECAP"})
  void aVtdUnitWithoutItsCapabilitiesIsRefused(String missing) {
    Map<String, Long> registers = new HashMap<>(machine.registers());
    registers.remove(missing);
    assertMissing(missing, () -> Iommu.vtd(memory, registers, 46));
    assertMissing(missing, () -> References.vtd(memory, registers, 46));
  }

  @ParameterizedTest
  @ValueSource(strings = {"IDR0", "IDR1", "IDR5", "CR0"})
  void anSmmuWithoutItsCapabilitiesIsRefused(String missing) {
    Map<String, Long> registers =
        new HashMap<>(new SmmuMachine(new TableMemory(arena).run(0x10_0000, 16)).registers());
    registers.remove(missing);
    assertMissing(missing, () -> Iommu.smmuv3(memory, registers));
    assertMissing(missing, () -> References.smmuv3(memory, registers));
  }

  private static void assertMissing(
      String register, org.junit.jupiter.api.function.Executable what) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, what);
    assertTrue(String.valueOf(e.getMessage()).contains(register), e::getMessage);
  }

  @ParameterizedTest
  @CsvSource({"0x123456, 23, 16, 0x12", "-1, 63, 0, -1", "0x80, 7, 7, 1"})
  void aSelectorsIndexIsItsBits(long value, int hi, int lo, long expected) {
    assertEquals(expected, new Step.Selector("IOVA", value, hi, lo).index());
  }

  @Test
  void decodedFieldsAreNamedWithTheirBits() {
    DecodedField one = new DecodedField("P", 0, 0, 1, "present");
    assertEquals("P[0]", one.label());
    assertEquals("P", one.name());
    assertEquals(0, one.hi() | one.lo());
    assertEquals(1, one.value());
    assertEquals("AW[66:64]", new DecodedField("AW", 66, 64, 2, "4 levels").label());
    assertEquals("P[0]=0x1: present", one.toString());
    assertEquals(one, new DecodedField("P", 0, 0, 1, "present"));
    assertEquals(one.hashCode(), new DecodedField("P", 0, 0, 1, "present").hashCode());
    assertFalse(one.equals(new DecodedField("P", 0, 0, 1, "absent")));
    assertFalse(one.equals((Object) "P[0]"));
  }

  @Test
  void countersBeginAgain() {
    Translator translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    translator.translate(1, -1, PAGE, Access.READ);
    translator.translate(1, -1, PAGE, Access.READ);
    assertEquals(1, translator.counters().misses());
    translator.counters().reset();
    assertEquals(0, translator.counters().misses() + translator.counters().hits());
    assertEquals(0, translator.counters().references());
    translator.translate(1, -1, PAGE, Access.READ);
    assertEquals(1, translator.counters().hits());
  }
}
