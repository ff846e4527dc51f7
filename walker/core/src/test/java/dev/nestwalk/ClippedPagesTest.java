package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Pages of 1 GiB that caches hold in pieces, since VT-d's interrupt range or a reserved region lies
 * within: an invalidation of any address of such a page drops every piece.
 */
class ClippedPagesTest {
  private static final long INTERRUPTS = 0xc000_0000L;
  private static final long ELSEWHERE = 0x1_0000_0000L;
  private static final long SIZE = 1L << 30;
  private static final long OUT = 0x8_0000_0000L;
  private static final long[] PLACES = {
    0, 0x1000, 0x2000_0000L, 0x3ed0_0000L, 0x3edf_f000L, 0x3ef0_0000L, 0x3fff_f000L
  };
  private static final long FIRST_FLAGS =
      FirstStageTables.P
          | FirstStageTables.RW
          | FirstStageTables.US
          | FirstStageTables.A
          | FirstStageTables.D;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);

  /** Address of the leaf that changes, and what its output moves by. */
  private long leaf;

  enum Stage {
    FIRST,
    SECOND,
    NESTED
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private Iommu build(Stage stage, long page) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    SecondStageTables second = new SecondStageTables(memory, 4);
    switch (stage) {
      case FIRST -> {
        FirstStageTables first = new FirstStageTables(memory, 4).map(page, OUT, 30, FIRST_FLAGS);
        leaf = first.entryAddress(page, 3);
        machine.pasid(1, 0, PasidEntry.firstStage(4, first.root()).walkSnoop().domain(10));
      }
      case SECOND -> {
        second.map(page, OUT, 30, 3);
        leaf = second.entryAddress(page, 3);
        machine.pasid(1, 0, PasidEntry.secondStage(2, second.root()).domain(10));
      }
      case NESTED -> {
        GuestSpace guest = new GuestSpace(memory, second, 0x100_0000_0000L);
        FirstStageTables first = new FirstStageTables(guest, 4);
        first.map(page, OUT, 30, FIRST_FLAGS);
        second.map(OUT, OUT, 30, 3).map(OUT + SIZE, OUT + SIZE, 30, 3);
        leaf = guest.toHost(first.entryAddress(page, 3));
        machine.pasid(1, 0, PasidEntry.nested(first, second).walkSnoop().domain(10));
      }
    }
    return Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
  }

  private static void invalidate(Iommu iommu, Stage stage, long address, boolean leafOnly) {
    if (stage == Stage.SECOND) {
      iommu.vtdInvalidations().iotlbPages(10, address, 0, leafOnly);
    } else {
      iommu.vtdInvalidations().pasidIotlbPages(10, 0, address, 0, leafOnly);
    }
  }

  @ParameterizedTest(name = "{0}, counting {1}, restricted {2}")
  @CsvSource({
    "FIRST, false, false", "FIRST, true, false", "FIRST, false, true", "FIRST, true, true",
    "SECOND, false, false", "SECOND, true, false", "SECOND, false, true", "SECOND, true, true",
    "NESTED, false, false", "NESTED, true, false", "NESTED, false, true", "NESTED, true, true",
  })
  void anInvalidationOfAnyAddressDropsEveryPiece(
      Stage stage, boolean counting, boolean restricted) {
    long page = restricted ? ELSEWHERE : INTERRUPTS;
    Iommu iommu = build(stage, page);
    if (restricted) {
      Region hole = new Region(page + 0x3ee0_0000L, page + 0x3eef_ffffL, RegionKind.MSI);
      iommu.restrict(1, -1, RegionSet.of(List.of(hole)), RegionSet.EMPTY);
    }
    for (CacheOptions options :
        new CacheOptions[] {CacheOptions.DEFAULT, CacheOptions.DEFAULT.withStructures(0, 0, 0)}) {
      Translator translator = iommu.newTranslator(counting ? options.withCounters() : options);
      Endpoint endpoint = translator.endpoint(1, -1);
      long moved = 0;
      for (long named : PLACES) {
        for (int round = 0; round < 2; round++) {
          for (long place : PLACES) {
            long answer = endpoint.translate(page + place, Access.READ);
            assertEquals(OUT + moved + place, Translation.address(answer));
            assertTrue(Translation.span(answer) < SIZE, "kept in pieces");
          }
        }
        memory.put(leaf, memory.get(leaf) ^ SIZE);
        moved ^= SIZE;
        invalidate(iommu, stage, page + named, true);
        for (long place : PLACES) {
          long answer = endpoint.translate(page + place, Access.READ);
          assertEquals(
              OUT + moved + place,
              Translation.address(answer),
              "%x after an invalidation of %x".formatted(place, named));
        }
      }
      if (moved != 0) {
        memory.put(leaf, memory.get(leaf) ^ SIZE);
        iommu.invalidateAll();
      }
    }
  }
}
