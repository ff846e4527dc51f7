package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.TableSpace;
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
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An invalidation of one page that does not say that leaves alone have changed (VT-d's IH, the Leaf
 * bit of SMMUv3) drops the partial walks to it. A table that maps two pages gives way to another;
 * software invalidates one of the pages, and the other, which nobody has used, is walked through
 * the new table.
 */
class MovedTablesTest {
  private static final long USED = 0x4040_0000L;
  private static final long OTHER = USED + 4096;
  private static final long GUEST = 0x5000_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final long ELSEWHERE = 0x9000_0000L;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 256);

  @AfterEach
  void close() {
    arena.close();
  }

  private static List<CacheOptions> caches() {
    CacheOptions all = CacheOptions.DEFAULT;
    return List.of(
        all,
        all.withStructures(64, 64, 64),
        all.withCounters(),
        CacheOptions.NONE.withStructures(64, 64, 0));
  }

  /** An entry that leads to the old table, and what leads to the new one. */
  private record Move(TableSpace space, long at, long moved) {}

  private static void expectMoved(
      Iommu iommu, int source, int pasid, List<Move> moves, Runnable invalidate) {
    for (Move move : moves) {
      long before = move.space.get(move.at);
      for (CacheOptions options : caches()) {
        Endpoint endpoint = iommu.newTranslator(options).endpoint(source, pasid);
        // Twice, so that what is cached after a walk with cached tables is cached too.
        for (int n = 0; n < 2; n++) {
          assertEquals(OUT, output(endpoint, USED));
        }
        move.space.put(move.at, move.moved);
        invalidate.run();
        assertEquals(ELSEWHERE + 4096, output(endpoint, OTHER), options::toString);
        move.space.put(move.at, before);
        iommu.invalidateAll();
      }
    }
  }

  private static long output(Endpoint endpoint, long iova) {
    long answer = endpoint.translate(iova, Access.READ);
    return Translation.isFault(answer) ? -1 : Translation.address(answer);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "IOTLB of a second stage,                   2, -1, 0xa0032,      0x40400000",
    "four pages of it,                          2, -1, 0xa0032,      0x40400002",
    "PASID-based IOTLB,                         1,  5, 0x5000b0036,  0x40400000",
    "PASID-based IOTLB without PASID,           4, -1, 0xd0036,      0x40400000",
    "PASID-based IOTLB of a nested translation, 3,  6, 0x6000c0036,  0x40400000",
  })
  void ofVtd(String name, int source, int pasid, String low, String high) {
    VtdMachine machine = new VtdMachine(memory).scalable();
    machine.register("CAP", VtdMachine.CAP | 1L << 39 | 18L << 48);
    SecondStageTables[] seconds = {second(USED, OUT), second(USED, ELSEWHERE)};
    SecondStageTables host = second(GUEST, OUT);
    host.map(GUEST + 0x10_0000, ELSEWHERE, 12, 3).map(GUEST + 0x10_1000, ELSEWHERE + 4096, 12, 3);
    GuestSpace guest = new GuestSpace(memory, host, 0x100_0000_0000L);
    FirstStageTables[] firsts = {first(memory, OUT), first(memory, ELSEWHERE)};
    FirstStageTables[] guests = {first(guest, GUEST), first(guest, GUEST + 0x10_0000)};
    machine.pasid(2, 0, PasidEntry.secondStage(2, seconds[0].root()).domain(10));
    machine.pasid(1, 5, PasidEntry.firstStage(4, firsts[0].root()).domain(11));
    machine.pasid(3, 6, PasidEntry.nested(guests[0], host).walkSnoop().domain(12));
    machine.pasid(4, 0, PasidEntry.firstStage(4, firsts[0].root()).domain(13));
    Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), VtdLab.HAW);
    // The table of the pages themselves, and the one above.
    List<Move> moves =
        source == 2
            ? List.of(move(seconds, 2), move(seconds, 3))
            : source == 3
                ? List.of(move(guest, guests, 2), move(guest, guests, 3))
                : List.of(move(memory, firsts, 2), move(memory, firsts, 3));
    VtdInvalidations unit = iommu.vtdInvalidations();
    expectMoved(
        iommu,
        source,
        pasid,
        moves,
        () ->
            assertEquals(
                VtdInvalidations.DONE, unit.submit(Long.decode(low), Long.decode(high), 0, 0)));
  }

  private SecondStageTables second(long from, long to) {
    SecondStageTables tables = new SecondStageTables(memory, 4);
    return tables.map(from, to, 12, 3).map(from + 4096, to + 4096, 12, 3);
  }

  private static FirstStageTables first(TableSpace space, long to) {
    long flags = FirstStageTables.P | FirstStageTables.US | FirstStageTables.A;
    FirstStageTables tables = new FirstStageTables(space, 4);
    return tables.map(USED, to, 12, flags).map(OTHER, to + 4096, 12, flags);
  }

  private Move move(SecondStageTables[] tables, int level) {
    long moved = memory.get(tables[1].entryAddress(USED, level));
    return new Move(memory, tables[0].entryAddress(USED, level), moved);
  }

  private static Move move(TableSpace space, FirstStageTables[] tables, int level) {
    long moved = space.get(tables[1].entryAddress(USED, level));
    return new Move(space, tables[0].entryAddress(USED, level), moved);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "CMD_TLBI_NH_VA,               1, 0x1000000000012, 0x40400000",
    "CMD_TLBI_NH_VA of two pages,  1, 0x1000000001012, 0x40400400",
    "CMD_TLBI_NH_VAA,              1, 0x13,            0x40400000",
    "CMD_TLBI_S2_IPA,              2, 0x70000002a,     0x40400000",
    "CMD_TLBI_S2_IPA of two pages, 2, 0x70000102a,     0x40400400",
    "CMD_TLBI_NH_VA with stage 2,  3, 0x2000700000012, 0x40400000",
    "CMD_TLBI_NH_VAA with stage 2, 3, 0x700000013,     0x40400000",
    "CMD_TLBI_EL2_VA,              4, 0x3000000000022, 0x40400000",
    "CMD_TLBI_EL2_VAA,             4, 0x23,            0x40400000",
  })
  void ofAnSmmu(String name, int stream, String w0, String w1) {
    SmmuMachine machine = new SmmuMachine(memory);
    machine.register("IDR3", SmmuMachine.IDR3 | 1L << 10); // RIL
    machine.register("CR2", 3); // RECINVSID, E2H
    VmsaTables[] firsts = {vmsa(OUT, SmmuLab.FIRST_PAGE), vmsa(ELSEWHERE, SmmuLab.FIRST_PAGE)};
    VmsaTables[] seconds = {vmsa(OUT, SmmuLab.SECOND_PAGE), vmsa(ELSEWHERE, SmmuLab.SECOND_PAGE)};
    VmsaTables host = new VmsaTables(memory, 12, 0, 48);
    for (int page = 0; page < 2; page++) {
      host.map(OUT + page * 4096L, OUT + page * 4096L, 3, SmmuLab.SECOND_PAGE);
      host.map(ELSEWHERE + page * 4096L, ELSEWHERE + page * 4096L, 3, SmmuLab.SECOND_PAGE);
    }
    long[] contexts = {memory.allocate(), memory.allocate(), memory.allocate()};
    // ASIDs 1, 2 and 3; STRW of stream 4 is EL2.
    machine.context(contexts[0], new ContextEntry(48).lower(firsts[0]).set(48));
    machine.context(contexts[1], new ContextEntry(48).lower(firsts[0]).set(49));
    machine.context(contexts[2], new ContextEntry(48).lower(firsts[0]).set(48).set(49));
    for (int page = 0; page < memory.pages(); page++) {
      host.map(memory.page(page), memory.page(page), 3, SmmuLab.SECOND_PAGE);
    }
    machine.stream(1, new StreamEntry(5).stage1(contexts[0], 0, 0, 0));
    machine.stream(2, vmid7(new StreamEntry(6).stage2(seconds[0], 48)));
    machine.stream(3, vmid7(new StreamEntry(7).stage1(contexts[1], 0, 0, 0).stage2(host, 48)));
    machine.stream(4, new StreamEntry(5).stage1(contexts[2], 0, 0, 0).set(95));
    Iommu iommu = Iommu.smmuv3(Comparison.over(memory), machine.registers());
    VmsaTables[] tables = stream == 2 ? seconds : firsts;
    SmmuInvalidations unit = iommu.smmuInvalidations();
    expectMoved(
        iommu,
        stream,
        -1,
        List.of(move(tables, 2), move(tables, 1)),
        () -> assertEquals(0, unit.submit(Long.decode(w0), Long.decode(w1))));
  }

  private static StreamEntry vmid7(StreamEntry entry) {
    return entry.set(128).set(129).set(130);
  }

  private VmsaTables vmsa(long to, long flags) {
    long local = flags == SmmuLab.FIRST_PAGE ? 1L << 11 : 0;
    VmsaTables tables = new VmsaTables(memory, 12, 0, 48);
    return tables.map(USED, to, 3, flags | local).map(OTHER, to + 4096, 3, flags | local);
  }

  private Move move(VmsaTables[] tables, int level) {
    long moved = memory.get(tables[1].descriptorAddress(USED, level));
    return new Move(memory, tables[0].descriptorAddress(USED, level), moved);
  }
}
