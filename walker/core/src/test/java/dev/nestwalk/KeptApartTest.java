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
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.walk.Kernel;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What belongs to one requester is not used for another, nor lost: restrictions of requesters that
 * share tables, tags that run out, and kernels that get a class of their own.
 */
final class KeptApartTest {
  private static final int DEVICES = 3;
  private static final long IOVA = 0x4030_2000L;
  private static final long GUEST = 0x7000_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final long FIRST_FLAGS = 1L << 10 | 1L << 6;
  private static final long SECOND_FLAGS = 1L << 10 | 3L << 6 | 15L << 2;

  /** More walks than a kernel makes before it gets a class of its own. */
  private static final int MANY = 100_000;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 256);

  /** Addresses of the second stages' leaves, by device. */
  private final long[] leaves = new long[DEVICES + 1];

  @AfterEach
  void close() {
    arena.close();
  }

  /** Devices 1 to 3, nested, with one guest's tables each or all with the same. */
  private Iommu vtd(boolean shared) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    PasidEntry entry = null;
    for (int device = 1; device <= DEVICES; device++) {
      if (entry == null || !shared) {
        SecondStageTables second = new SecondStageTables(memory, 4);
        second.map(GUEST, OUT + device * 0x1000L, 12, 3).map(GUEST + 0x1000, OUT, 12, 3);
        GuestSpace guest = new GuestSpace(memory, second, 0x6000_0000L);
        FirstStageTables first = new FirstStageTables(guest, 4);
        first.map(IOVA, GUEST, 12, 0x67).map(IOVA + 0x1000, GUEST + 0x1000, 12, 0x67);
        entry = PasidEntry.nested(first, second).walkSnoop().noExecute().domain(device);
        leaves[device] = second.entryAddress(GUEST, 1);
      }
      machine.pasid(device, 0, entry);
    }
    return Iommu.vtd(Comparison.over(memory), machine.registers(), VtdLab.HAW);
  }

  private Iommu smmu(boolean shared) {
    SmmuMachine machine = new SmmuMachine(memory);
    StreamEntry entry = null;
    for (int device = 1; device <= DEVICES; device++) {
      if (entry == null || !shared) {
        VmsaTables second = new VmsaTables(memory, 12, 1, 39);
        second.map(GUEST, OUT + device * 0x1000L, 3, SECOND_FLAGS);
        second.map(GUEST + 0x1000, OUT, 3, SECOND_FLAGS);
        VmsaTables first = new VmsaTables(memory, 12, 1, 39);
        first.map(IOVA, GUEST, 3, FIRST_FLAGS).map(IOVA + 0x1000, GUEST + 0x1000, 3, FIRST_FLAGS);
        VmsaTables upper = new VmsaTables(memory, 12, 1, 39);
        upper.map(IOVA, GUEST, 3, FIRST_FLAGS).map(IOVA + 0x1000, GUEST + 0x1000, 3, FIRST_FLAGS);
        long contexts = memory.allocate();
        for (long page = memory.page(0); page <= memory.page(255); page += 4096) {
          second.map(page, page, 3, SECOND_FLAGS);
        }
        machine.context(contexts, new ContextEntry(48).lower(first).upper(upper));
        entry = new StreamEntry(7).stage1(contexts, 0, 0, 0).stage2(second, 48);
        for (int bit = 0; bit < 2; bit++) {
          // S2VMID: bits 143 to 128.
          entry = (device >>> bit & 1) == 1 ? entry.set(128 + bit) : entry;
        }
        leaves[device] = second.descriptorAddress(GUEST, 3);
      }
      machine.stream(device, entry);
    }
    return Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }

  private static RegionSet page(long address) {
    return RegionSet.of(List.of(new Region(address, address + 0xfff, RegionKind.RESERVED)));
  }

  private static long outcome(long answer) {
    return Translation.isFault(answer) ? -Translation.code(answer) : Translation.address(answer);
  }

  /** Device 1 may use the page, device 2 not below, device 3 not at the input. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void requestersOfTheSameTablesAreRestrictedEachByItself(boolean vtd) {
    Iommu iommu = vtd ? vtd(true) : smmu(true);
    RegionSet elsewhere = page(IOVA + 0x8000);
    iommu.restrict(1, -1, elsewhere, page(GUEST + 0x8000));
    iommu.restrict(2, -1, elsewhere, page(GUEST));
    iommu.restrict(3, -1, page(IOVA), page(GUEST + 0x8000));
    long refused = -Outcome.RESERVED.code();
    long[] expected = {OUT + 0x1000, refused, refused};
    int[][] orders = {{1, 2, 3}, {3, 2, 1}, {2, 1, 3}, {2, 3, 1}};
    for (int[] order : orders) {
      Translator translator = iommu.newTranslator();
      for (int round = 0; round < 2; round++) {
        for (int device : order) {
          long answer = translator.translate(device, -1, IOVA, Access.READ);
          assertEquals(expected[device - 1], outcome(answer), "device " + device);
          long[] answers = new long[4];
          translator.endpoint(device, -1).translate(new long[] {IOVA}, answers, 0, 1, Access.READ);
          assertEquals(expected[device - 1], outcome(answers[0]), "in a batch, " + device);
        }
      }
    }
  }

  /** Tags of both stages, of three devices: they run out in the middle of any assignment. */
  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, true", "false, false"})
  void whereverTagsRunOutNestedAnswersAreThoseOfTheTables(boolean vtd, boolean precise) {
    Iommu iommu = vtd ? vtd(false) : smmu(false);
    for (int last = 2; last < 24; last++) {
      CacheOptions options = CacheOptions.DEFAULT.withStructures(64, 64, 64);
      Translator translator = iommu.newTranslator(options, last);
      for (int round = 0; round < 60; round++) {
        int device = 1 + round * 7 % DEVICES;
        memory.put(leaves[device], memory.get(leaves[device]) ^ 0x10_0000);
        if (vtd) {
          if (precise) {
            iommu.vtdInvalidations().iotlbPages(device, GUEST, 0, true);
          } else {
            iommu.vtdInvalidations().iotlbDomain(device);
          }
        } else if (precise) {
          iommu.smmuInvalidations().stage2Range(device, GUEST, GUEST + 0xfff, true);
          iommu.smmuInvalidations().stage1All(device);
        } else {
          iommu.smmuInvalidations().vmidAll(device);
        }
        for (int asked = 1; asked <= DEVICES; asked++) {
          long answer = translator.translate(asked, -1, IOVA | 8, Access.READ);
          long expected = memory.get(leaves[asked]) & 0xffff_ffff_f000L | 8;
          assertEquals(expected, outcome(answer), last + " tags, round " + round + ", " + asked);
        }
      }
    }
  }

  /** Restricted, with tables for both ranges of input where there are such. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aKernelWithAClassOfItsOwnHasTheBarsAndTheOtherRangeOfTheOneBefore(boolean vtd) {
    Iommu iommu = vtd ? vtd(true) : smmu(true);
    long upper = -1L << 39 | IOVA;
    iommu.restrict(1, -1, page(IOVA + 0x1000), page(GUEST + 0x8000));
    Endpoint endpoint = iommu.newTranslator(CacheOptions.NONE).endpoint(1, -1);
    Kernel first = null;
    for (int i = 0; i < MANY && (first == null || !first.isSpecialised()); i++) {
      assertEquals(OUT + 0x1000, outcome(endpoint.translate(IOVA, Access.READ)));
      first = Objects.requireNonNull(endpoint.kernel);
    }
    assertTrue(Objects.requireNonNull(first).isSpecialised(), "has its class");
    assertEquals(OUT + 0x1000, Translation.address(first.translate(IOVA, Access.READ)));
    assertEquals(0, first.translate(IOVA + 0x1000, Access.READ), "barred");
    assertEquals(-Outcome.RESERVED.code(), outcome(endpoint.translate(IOVA + 0x1000, Access.READ)));
    if (!vtd) {
      assertEquals(OUT + 0x1000, Translation.address(first.translate(upper, Access.READ)));
      assertEquals(OUT, Translation.address(first.translate(upper + 0x1000, Access.READ)));
      iommu.restrict(1, -1, page(upper), RegionSet.EMPTY);
      assertEquals(-Outcome.RESERVED.code(), outcome(endpoint.translate(upper, Access.READ)));
    }
  }
}
