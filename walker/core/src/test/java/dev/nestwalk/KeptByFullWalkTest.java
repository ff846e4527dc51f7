package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the full walker has found is kept as what the fast walk finds: large pages in pieces, global
 * pages, tagged addresses. A flag that is clear, which only the full walker sets, makes it answer.
 */
class KeptByFullWalkTest {
  private static final long BLOCK = 0x4060_0000L;
  private static final long GUEST = 0x5000_0000L;
  private static final long OUT = 0x8000_0000L;

  /** Read and write, Normal memory, AF clear. */
  private static final long UNUSED_SECOND = 3L << 6 | 15L << 2;

  /** AP for unprivileged read and write, not global, AF clear. */
  private static final long UNUSED_FIRST = 1L << 6 | 1L << 11;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);

  @AfterEach
  void close() {
    arena.close();
  }

  private static long misses(Translator translator, int source, int pasid, long iova, long output) {
    long before = translator.counters().misses();
    long answer = translator.translate(source, pasid, iova, Access.READ);
    assertEquals(output, Translation.address(answer), Translation.describe(answer));
    return translator.counters().misses() - before;
  }

  private static Translator counting(Iommu iommu) {
    return iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
  }

  /** A page of 2 MiB in the first stage, of 4 KiB in the second; bit n is piece n. */
  private static String missing(Translator translator, int source, int pasid) {
    int missing = 0;
    for (int piece = 0; piece < 4; piece++) {
      long at = piece * 4096L;
      missing |= (int) misses(translator, source, pasid, BLOCK + at, OUT + at) << piece;
    }
    return Integer.toBinaryString(missing);
  }

  private void expectDroppedWhole(Translator translator, int source, int pasid, Runnable drop) {
    assertEquals("1111", missing(translator, source, pasid), "walked");
    assertEquals("0", missing(translator, source, pasid), "kept");
    drop.run();
    assertEquals("1111", missing(translator, source, pasid), "one piece was named");
  }

  @Test
  void aLargePageInPiecesIsDroppedWholeVtd() {
    VtdMachine machine = new VtdMachine(memory).scalable();
    SecondStageTables second = new SecondStageTables(memory, 4);
    GuestSpace guest = new GuestSpace(memory, second, 0x100_0000_0000L);
    guest.mappingFlags(3 | SecondStageTables.A | SecondStageTables.D);
    for (long offset = 0; offset < 2 << 20; offset += 4096) {
      second.map(GUEST + offset, OUT + offset, 12, 3);
    }
    FirstStageTables first = new FirstStageTables(guest, 4);
    long flags = FirstStageTables.P | FirstStageTables.US | FirstStageTables.A;
    first.map(BLOCK, GUEST, 21, flags);
    machine.pasid(1, 5, PasidEntry.nested(first, second).secondStageFlags().walkSnoop().domain(10));
    Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), VtdLab.HAW);
    VtdInvalidations unit = iommu.vtdInvalidations();
    expectDroppedWhole(
        counting(iommu), 1, 5, () -> unit.pasidIotlbPages(10, 5, BLOCK + 0x2000, 0, true));
  }

  private Iommu smmu(VmsaTables first, int contextBit, StreamEntry entry) {
    SmmuMachine machine = new SmmuMachine(memory);
    long context = memory.allocate();
    // HA is bit 43.
    machine.context(context, new ContextEntry(48).lower(first).set(48).set(43).set(contextBit));
    machine.stream(1, entry.stage1(context, 0, 0, 0));
    return Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }

  @Test
  void aLargePageInPiecesIsDroppedWholeSmmu() {
    VmsaTables second = new VmsaTables(memory, 12, 0, 48);
    VmsaTables first = new VmsaTables(memory, 12, 0, 48);
    first.map(BLOCK, GUEST, 2, SmmuLab.FIRST_PAGE | 1L << 11);
    for (long offset = 0; offset < 2 << 20; offset += 4096) {
      second.map(GUEST + offset, OUT + offset, 3, UNUSED_SECOND);
    }
    for (int page = 0; page < memory.pages(); page++) {
      second.map(memory.page(page), memory.page(page), 3, SmmuLab.SECOND_PAGE);
    }
    // S2HA is bit 184.
    Iommu iommu = smmu(first, 48, new StreamEntry(7).stage2(second, 48).set(184));
    SmmuInvalidations unit = iommu.smmuInvalidations();
    expectDroppedWhole(
        counting(iommu), 1, -1, () -> unit.stage1Range(0, 1, BLOCK + 0x2000, BLOCK + 0x2fff, true));
  }

  /** An invalidation by another ASID drops global pages. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aGlobalPageIsGlobal(boolean global) {
    VmsaTables first = new VmsaTables(memory, 12, 0, 48);
    first.map(BLOCK, OUT, 3, global ? UNUSED_FIRST & ~(1L << 11) : UNUSED_FIRST);
    Iommu iommu = smmu(first, 48, new StreamEntry(5));
    Translator translator = counting(iommu);
    assertEquals(1, misses(translator, 1, -1, BLOCK, OUT));
    assertEquals(0, misses(translator, 1, -1, BLOCK, OUT));
    iommu.smmuInvalidations().stage1Range(0, 9, BLOCK, BLOCK | 0xfff, true);
    assertEquals(global ? 1 : 0, misses(translator, 1, -1, BLOCK, OUT));
  }

  @Test
  void aTaggedAddressIsKeptWithoutItsTag() {
    VmsaTables first = new VmsaTables(memory, 12, 0, 48);
    first.map(BLOCK, OUT, 3, UNUSED_FIRST);
    // TBI0 is bit 38.
    Iommu iommu = smmu(first, 38, new StreamEntry(5));
    Translator translator = counting(iommu);
    long tagged = BLOCK | 0x55L << 56;
    assertEquals(1, misses(translator, 1, -1, tagged, OUT));
    assertEquals(0, misses(translator, 1, -1, BLOCK, OUT), "another name of it");
    iommu.smmuInvalidations().stage1Range(0, 1, BLOCK, BLOCK | 0xfff, true);
    assertEquals(1, misses(translator, 1, -1, tagged, OUT));
  }
}
