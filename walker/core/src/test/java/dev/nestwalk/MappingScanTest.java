package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.MappingScan.Mapping;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Requests;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.RandomSmmu;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.RandomVtd;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MappingScanTest {
  private static final int SOURCE = 1;
  private static final int MACHINES = 400;
  private static final long USER = FirstStageTables.P | FirstStageTables.RW | FirstStageTables.US;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);

  @AfterEach
  void close() {
    arena.close();
  }

  private static List<Mapping> all(MappingScan scan) {
    List<Mapping> found = new ArrayList<>();
    assertTrue(scan.advance(100_000, found::add), "ends");
    return found;
  }

  private Iommu vtd(VtdMachine machine) {
    return Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  }

  @Test
  void neighboursThatContinueEachOtherAreOneMapping() {
    SecondStageTables tables = new SecondStageTables(memory, 4);
    tables.map(0x40_0000L, 0x8000_0000L, 21, 3).map(0x60_0000L, 0x8020_0000L, 12, 3);
    tables.map(0x60_1000L, 0x8020_1000L, 12, 1).map(0x60_2000L, 0x9000_0000L, 12, 2);
    tables.map(0x4000_0000L, 0x1_0000_0000L, 30, 3);
    Iommu iommu = vtd(new VtdMachine(memory).context(SOURCE, 0, 2, 5, tables.root()));
    assertEquals(
        List.of(
            new Mapping(0x40_0000L, 0x60_0fffL, 0x8000_0000L, 3),
            new Mapping(0x60_1000L, 0x60_1fffL, 0x8020_1000L, 1),
            new Mapping(0x60_2000L, 0x60_2fffL, 0x9000_0000L, 2),
            new Mapping(0x4000_0000L, 0x7fff_ffffL, 0x1_0000_0000L, 3)),
        all(iommu.mappings(SOURCE, -1)));
  }

  @Test
  void bothHalvesOfAFirstStageAreListedAndNoFlagIsSet() {
    FirstStageTables tables = new FirstStageTables(memory, 4);
    tables.map(0x1000, 0x8000_0000L, 12, USER).map(-0x20_0000L, 0x8020_0000L, 21, USER);
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.pasid(SOURCE, 3, PasidEntry.firstStage(4, tables.root()).walkSnoop().domain(5));
    TableMemory before = memory.copy(arena);
    assertEquals(
        List.of(
            new Mapping(0x1000, 0x1fff, 0x8000_0000L, 3),
            new Mapping(-0x20_0000L, -1, 0x8020_0000L, 3)),
        all(vtd(machine).mappings(SOURCE, 3)));
    assertEquals(-1, memory.firstDifference(before), "memory after the scan");
  }

  @Test
  void aNestedScanSkipsWhatTheSecondStageLacks() {
    SecondStageTables second = new SecondStageTables(memory, 4);
    second.map(0x7000_0000L, 0x8000_0000L, 12, 3);
    GuestSpace guest = new GuestSpace(memory, second, 0x6000_0000L);
    FirstStageTables first = new FirstStageTables(guest, 4);
    long flags = USER | FirstStageTables.A | FirstStageTables.D;
    first.map(0x5000, 0x7000_0000L, 12, flags).map(0x6000, 0x7000_1000L, 12, flags);
    first.map(0x4000_0000L, 0x4000_0000L, 30, flags);
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.pasid(SOURCE, 0, PasidEntry.nested(first, second).walkSnoop().domain(5));
    List<Mapping> found = all(vtd(machine).mappings(SOURCE, -1));
    assertEquals(new Mapping(0x5000, 0x5fff, 0x8000_0000L, 3), found.get(0));
    // The large page of the guest shows what the second stage has of it: its page and its tables.
    assertTrue(found.contains(new Mapping(0x7000_0000L, 0x7000_0fffL, 0x8000_0000L, 3)));
  }

  @Test
  void bothRangesOfAStageOneAreListed() {
    VmsaTables tables = new VmsaTables(memory, 12, 1, 39);
    long page = 1L << 10 | 1L << 6;
    tables.map(0x1000, 0x8000_0000L, 3, page).map(0x2000, 0x8000_1000L, 3, page);
    SmmuMachine machine = new SmmuMachine(memory);
    long contexts = memory.allocate();
    machine.context(contexts, new ContextEntry(48).lower(tables));
    machine.stream(SOURCE, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    Iommu iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
    assertEquals(
        List.of(new Mapping(0x1000, 0x2fff, 0x8000_0000L, 3)), all(iommu.mappings(SOURCE, -1)));
  }

  @Test
  void aViewSeesWhatHasChangedSinceAnEarlierScan() {
    SecondStageTables before = new SecondStageTables(memory, 4).map(0x1000, 0x8000_0000L, 12, 3);
    SecondStageTables after = new SecondStageTables(memory, 4).map(0x2000, 0x9000_0000L, 12, 3);
    VtdMachine machine = new VtdMachine(memory).context(SOURCE, 0, 2, 5, before.root());
    Mappings view = vtd(machine).mappings();
    assertEquals(List.of(new Mapping(0x1000, 0x1fff, 0x8000_0000L, 3)), all(view.of(SOURCE, -1)));
    machine.context(SOURCE, 0, 2, 5, after.root());
    assertEquals(List.of(new Mapping(0x2000, 0x2fff, 0x9000_0000L, 3)), all(view.of(SOURCE, -1)));
  }

  /** Streams without any stage, and such whose only stage is skipped (S1DSS = 1). */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatPassesUnchangedIsOneMappingAsLargeAsTheUnitsAddresses(boolean skipped) {
    SmmuMachine machine = new SmmuMachine(memory);
    // OAS = 1: 36 bits.
    machine.register("IDR5", SmmuMachine.IDR5 & ~7L | 1);
    long contexts = memory.allocate();
    machine.stream(
        SOURCE, skipped ? new StreamEntry(5).stage1(contexts, 3, 0, 1) : new StreamEntry(4));
    Iommu iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
    assertEquals(List.of(new Mapping(0, (1L << 36) - 1, 0, 3)), all(iommu.mappings(SOURCE, -1)));
  }

  /** A table of 64 KiB lies in sixteen pages of the second stage, of which some are absent. */
  @ParameterizedTest
  @ValueSource(ints = {14, 16})
  void whatAnAbsentPieceOfATableHidesIsNotTheWholeTable(int granule) {
    TableMemory memory = new TableMemory(arena).run(0x100_0000, 256);
    int bits = granule == 16 ? 42 : 36;
    VmsaTables first = new VmsaTables(memory, granule, 2, bits);
    long page = 1L << 10 | 1L << 6;
    long low = 1L << granule;
    long middle = 600L << granule;
    long high = (1L << bits) - (1L << granule);
    for (long iova : new long[] {low, middle, high, high - (512L << granule)}) {
      first.map(iova, 0x7000_0000L, 3, page);
    }
    SmmuMachine machine = new SmmuMachine(memory);
    VmsaTables second = new VmsaTables(memory, 12, 1, 39);
    long normal = 1L << 10 | 3L << 6 | 15L << 2;
    long contexts = memory.allocate();
    machine.context(contexts, new ContextEntry(48).lower(first));
    machine.stream(SOURCE, new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(second, 48));
    for (long at = 0; at < 1L << granule; at += 4096) {
      second.map(0x7000_0000L + at, 0x8000_0000L + at, 3, normal);
    }
    long absent = first.descriptorAddress(middle, 3) & -4096;
    for (int i = 0; i < 256; i++) {
      long table = memory.page(i);
      if (table != absent) {
        second.map(table, table, 3, normal);
      }
    }
    Iommu iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
    long size = (1L << granule) - 1;
    assertEquals(
        List.of(
            new Mapping(low, low + size, 0x8000_0000L, 3),
            new Mapping(high - (512L << granule), high - (512L << granule) + size, 0x8000_0000L, 3),
            new Mapping(high, high + size, 0x8000_0000L, 3)),
        all(iommu.mappings(SOURCE, -1)));
    second.map(absent, absent, 3, normal);
    memory.put(second.descriptorAddress(first.descriptorAddress(0, 2), 3), 0);
    assertEquals(2, all(iommu.mappings(SOURCE, -1)).size(), "below the first piece of the start");
  }

  @Test
  void aRequesterWithoutConfigurationHasNoMapping() {
    MappingScan scan = vtd(new VtdMachine(memory)).mappings(SOURCE, -1);
    assertEquals(List.of(), all(scan));
    assertTrue(Translation.isFault(scan.refusal()));
  }

  /** All 512 entries of each level lead back to the table: 2^36 pages from 4 KiB. */
  @Test
  void aTableThatPointsToItselfCostsWhatIsAllowed() {
    long table = memory.allocate();
    for (int entry = 0; entry < 512; entry++) {
      memory.put(table + 8L * entry, table | 3);
    }
    Iommu iommu = vtd(new VtdMachine(memory).context(SOURCE, 0, 2, 5, table));
    MappingScan scan = iommu.mappings(SOURCE, -1);
    List<Mapping> found = new ArrayList<>();
    assertFalse(scan.advance(1000, found::add));
    assertEquals(1000 * 4096, scan.next());
    assertEquals(999, found.size(), "the last one may still grow");
    assertFalse(scan.advance(1, found::add));
    assertEquals(1001 * 4096, scan.next());
  }

  private record Sample(Iommu iommu, Requests requests) {}

  private static Sample sample(Formats format, long seed, Arena arena) {
    if (format == Formats.VTD) {
      RandomVtd random = RandomVtd.generate(seed, arena);
      boolean rom = random.isSecondRunReadOnly();
      GuestMemory guest = Comparison.over(random.memory(), rom).asReadOnly();
      return new Sample(Iommu.vtd(guest, random.registers(), random.hostAddressWidth()), random);
    }
    RandomSmmu random = RandomSmmu.generate(seed, arena);
    GuestMemory guest = Comparison.over(random.memory()).asReadOnly();
    return new Sample(Iommu.smmuv3(guest, random.registers()), random);
  }

  /** What is listed translates so, and what translates is listed. */
  @ParameterizedTest
  @EnumSource(Formats.class)
  void theListIsWhatTranslates(Formats format) {
    Random random = new Random(5);
    long mappings = 0;
    long hits = 0;
    for (int seed = 0; seed < MACHINES; seed++) {
      try (Arena own = Arena.ofConfined()) {
        Sample sample = sample(format, seed, own);
        Translator translator = sample.iommu.newUncachedTranslator();
        for (int i = 0; i < 4; i++) {
          sample.requests.next();
          int source = sample.requests.sourceId();
          int pasid = sample.requests.pasid();
          MappingScan scan = sample.iommu.mappings(source, pasid);
          List<Mapping> found = new ArrayList<>();
          boolean ended = scan.advance(1500, found::add);
          for (Mapping mapping : found) {
            mappings++;
            long size = mapping.last() - mapping.first() + 1;
            long inside =
                size == 0 ? random.nextLong() : Long.remainderUnsigned(random.nextLong(), size);
            for (long offset : new long[] {0, inside, size - 1}) {
              int access = mapping.rights() & Access.READ;
              long answer =
                  translator.translate(
                      source, pasid, mapping.first() + offset, access == 0 ? Access.WRITE : access);
              assertFalse(Translation.isFault(answer), mapping::toString);
              assertEquals(mapping.output() + offset, Translation.address(answer));
            }
          }
          for (int look = 0; look < 40; look++) {
            sample.requests.next();
            long iova = sample.requests.address();
            if (format == Formats.SMMUV3 && iova >> 56 != iova >> 63) {
              continue; // a top byte that may be ignored
            }
            if (ended || isHandedOver(found, iova)) {
              long answer = translator.translate(source, pasid, iova, Access.READ);
              if (Translation.isFault(answer)) {
                answer = translator.translate(source, pasid, iova, Access.WRITE);
              }
              boolean listed = isListed(found, iova);
              hits += Translation.isFault(answer) ? 0 : 1;
              assertEquals(
                  !Translation.isFault(answer),
                  listed,
                  "seed %d, %x %d %x".formatted(seed, source, pasid, iova));
            }
          }
        }
      }
    }
    assertNotEquals(0, mappings);
    assertNotEquals(0, hits);
  }

  /** Scans of one view, each begun at an address within or between mappings. */
  @ParameterizedTest
  @EnumSource(Formats.class)
  void aScanThatBeginsLaterListsTheRest(Formats format) {
    int compared = 0;
    for (int seed = 0; seed < MACHINES / 4; seed++) {
      try (Arena own = Arena.ofConfined()) {
        Sample sample = sample(format, seed, own);
        Mappings mappings = sample.iommu.mappings();
        sample.requests.next();
        int source = sample.requests.sourceId();
        int pasid = sample.requests.pasid();
        List<Mapping> all = new ArrayList<>();
        if (!mappings.of(source, pasid).advance(1500, all::add)) {
          continue;
        }
        for (Mapping one : all) {
          for (long from : new long[] {one.first(), one.last(), one.last() & -2}) {
            List<Mapping> rest = new ArrayList<>();
            assertTrue(mappings.of(source, pasid).from(from).advance(3000, rest::add));
            assertEquals(
                all.stream().filter(m -> reaches(m, from)).map(m -> cut(m, from)).toList(), rest);
            compared++;
          }
        }
      }
    }
    assertNotEquals(0, compared);
  }

  private static boolean reaches(Mapping mapping, long address) {
    return Long.compareUnsigned(address, mapping.last()) <= 0;
  }

  private static Mapping cut(Mapping mapping, long from) {
    long skipped = from - mapping.first();
    return Long.compareUnsigned(from, mapping.first()) <= 0
        ? mapping
        : new Mapping(from, mapping.last(), mapping.output() + skipped, mapping.rights());
  }

  /** Whether a scan that goes on has told all that is up to an address. */
  private static boolean isHandedOver(List<Mapping> found, long iova) {
    return !found.isEmpty() && Long.compareUnsigned(iova, found.get(found.size() - 1).last()) <= 0;
  }

  private static boolean isListed(List<Mapping> found, long iova) {
    for (Mapping mapping : found) {
      if (Long.compareUnsigned(iova, mapping.first()) >= 0
          && Long.compareUnsigned(iova, mapping.last()) <= 0) {
        return true;
      }
    }
    return false;
  }
}
