package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Memory that ends within a structure: holes of every size from one word up to a whole structure
 * are put at every word of, and around, every structure that a walk reads. That is a fault of the
 * fetch, of both walkers alike, whatever the hole leaves of the structure.
 */
final class MemoryHoleTest {
  /** Longest hole and longest structure: an STE, a CD or a PASID table entry. */
  private static final int WORDS = 8;

  /** F_STE_FETCH, F_CD_FETCH, F_WALK_EABT. */
  private static final Set<Integer> SMMU_FETCHES = Set.of(0x03, 0x09, 0x0b);

  /** The reasons that an access to root, context, PASID and paging entries ended in an error. */
  private static final Set<Integer> VTD_FETCHES =
      Set.of(0x08, 0x09, 0x03, 0x07, 0x38, 0x40, 0x50, 0x58, 0x70, 0x73, 0x78, 0x7b);

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** A machine and one request that succeeds on it. */
  private record Request(
      Formats format,
      TableMemory tables,
      Map<String, Long> registers,
      int source,
      int pasid,
      long address,
      int access) {
    Iommu iommu(GuestMemory memory) {
      return format == Formats.VTD
          ? Iommu.vtd(memory, registers, VtdLab.HAW)
          : Iommu.smmuv3(memory, registers);
    }

    Reference reference(GuestMemory memory) {
      return format == Formats.VTD
          ? References.vtd(memory, registers, VtdLab.HAW)
          : References.smmuv3(memory, registers);
    }
  }

  private static GuestMemory withHole(TableMemory tables, long first, long bytes) {
    TableMemory.Run run = tables.runs().get(0);
    long end = run.first() + run.bytes().byteSize();
    GuestMemory.Builder builder = GuestMemory.builder();
    add(builder, run, run.first(), first);
    add(builder, run, first + bytes, end);
    return builder.build();
  }

  private static void add(GuestMemory.Builder builder, TableMemory.Run run, long from, long to) {
    long begin = Math.max(from, run.first());
    if (to > begin) {
      MemorySegment part = run.bytes().asSlice(begin - run.first(), to - begin);
      builder.ram(begin, part);
    }
  }

  /** Every hole around everything that the walk reads; how many structures and holes there were. */
  private int[] sweep(Request request) {
    GuestMemory whole = Comparison.over(request.tables);
    Trace trace =
        request
            .reference(whole)
            .translate(request.source, request.pasid, request.address, request.access);
    assertFalse(Translation.isFault(trace.translation()), "the request itself succeeds");
    List<Step> reads = trace.steps().stream().filter(step -> !step.read().isEmpty()).toList();
    int holes = 0;
    for (Step read : reads) {
      long first = read.host();
      long end = first + 8L * read.read().size();
      for (long hole = first - 8L * WORDS; hole < end; hole += 8) {
        for (int words = 1; words <= WORDS; words++) {
          boolean hits = hole + 8L * words > first;
          punch(request, read, hole, words, hits);
          holes++;
        }
      }
    }
    return new int[] {reads.size(), holes};
  }

  private void punch(Request request, Step read, long hole, int words, boolean hits) {
    GuestMemory memory = withHole(request.tables, hole, 8L * words);
    Iommu iommu = request.iommu(memory);
    String where = "%s: %d words at 0x%x".formatted(read.title(), words, hole);
    Trace trace =
        request
            .reference(memory)
            .translate(request.source, request.pasid, request.address, request.access);
    for (Translator hot : List.of(iommu.newUncachedTranslator(), iommu.newTranslator())) {
      long answer = hot.translate(request.source, request.pasid, request.address, request.access);
      assertEquals("", Comparison.difference(answer, hot.lastFault(), trace), where);
      if (hits) {
        Set<Integer> fetches = request.format == Formats.VTD ? VTD_FETCHES : SMMU_FETCHES;
        assertTrue(Translation.isFault(answer), where);
        assertTrue(
            fetches.contains(Translation.code(answer)), where + Translation.describe(answer));
      }
    }
  }

  @Test
  void smmuStructuresAcrossAHoleAreUnreadable() {
    List<Request> requests = new ArrayList<>();
    for (boolean twoLevel : new boolean[] {false, true}) {
      SmmuLab lab = new SmmuLab(arena);
      if (twoLevel) {
        lab.machine.twoLevel();
      }
      for (int stream : new int[] {SmmuLab.FIRST, SmmuLab.SECOND, SmmuLab.NESTED}) {
        requests.add(smmu(lab, stream, -1));
      }
    }
    // A two-level table of CDs: S1CDMax 7, S1Fmt 1.
    SmmuLab lab = new SmmuLab(arena);
    long level1 = lab.memory.allocate();
    lab.memory.put(level1 + 8, lab.contexts | 1);
    lab.machine.context(lab.contexts + 64 * 5L, lab.firstContext());
    lab.machine.stream(
        SmmuLab.FIRST, new dev.nestwalk.fixtures.smmu.StreamEntry(5).stage1(level1, 7, 1, 2));
    requests.add(smmu(lab, SmmuLab.FIRST, 64 + 5));
    expect(requests, 7, 30);
  }

  private static Request smmu(SmmuLab lab, int stream, int substream) {
    return new Request(
        Formats.SMMUV3,
        lab.memory,
        lab.machine.registers(),
        stream,
        substream,
        SmmuLab.ADDRESS,
        Access.READ);
  }

  @Test
  void vtdStructuresAcrossAHoleAreUnreadable() {
    List<Request> requests = new ArrayList<>();
    VtdLab legacy = new VtdLab(arena);
    legacy.legacy();
    requests.add(vtd(legacy, -1));
    VtdLab second = new VtdLab(arena);
    second.second();
    requests.add(vtd(second, -1));
    VtdLab first = new VtdLab(arena);
    FirstStageTables tables = first.first();
    first.pasid(PasidEntry.firstStage(tables.levels(), tables.root()).walkSnoop());
    requests.add(vtd(first, VtdLab.PASID));
    VtdLab nested = new VtdLab(arena);
    nested.nested();
    requests.add(vtd(nested, VtdLab.PASID));
    expect(requests, 4, 40);
  }

  private static Request vtd(VtdLab lab, int pasid) {
    return new Request(
        Formats.VTD,
        lab.memory,
        lab.machine.registers(),
        VtdLab.SOURCE,
        pasid,
        VtdLab.IOVA,
        Access.READ);
  }

  private void expect(List<Request> requests, int machines, int structures) {
    int reads = 0;
    int holes = 0;
    for (Request request : requests) {
      int[] seen = sweep(request);
      reads += seen[0];
      holes += seen[1];
    }
    assertEquals(machines, requests.size());
    assertTrue(reads > structures, reads + " structures");
    assertTrue(holes > 64 * reads, holes + " holes");
  }
}
