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
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What each SMMUv3 command drops, counted: streams 1 and 2 have stage 1 with ASID 1 and 2 in VMID
 * 0, stream 3 has stage 2 in VMID 7, stream 4 both, ASID 1 in VMID 7. Each translates four small
 * pages and a block of 2 MiB; those of stream 4 are global.
 */
class SmmuInvalidationTest {
  private static final long PAGE = 0x4040_0000L;
  private static final long BIG = 0x4060_0000L;
  private static final long GUEST = 0x5000_0000L;
  private static final long OUT = 0x8000_0000L;
  private static final int STREAMS = 4;
  private static final long NOT_GLOBAL = 1L << 11;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 256);
  private final long firstContext = memory.allocate();
  private Map<String, Long> registers = Map.of();
  private final Iommu iommu = build();
  private Translator translator = iommu.newTranslator();
  private final List<Endpoint> endpoints = new ArrayList<>();

  private Iommu build() {
    SmmuMachine machine = new SmmuMachine(memory);
    machine.register("IDR3", SmmuMachine.IDR3 | 1L << 10);
    VmsaTables second = new VmsaTables(memory, 12, 0, 48);
    long secondPage = 1L << 10 | 3L << 6 | 15L << 2;
    map(second, PAGE, OUT, secondPage, 0);
    map(second, GUEST, OUT, secondPage, 0);
    long[] contexts = {firstContext, memory.allocate(), memory.allocate()};
    for (int i = 0; i < 3; i++) {
      VmsaTables first = new VmsaTables(memory, 12, 0, 48);
      map(first, PAGE, i == 2 ? GUEST : OUT, 1L << 10 | 1L << 6, i == 2 ? 0 : NOT_GLOBAL);
      // ASID 1, 2 and 1 again.
      machine.context(contexts[i], new ContextEntry(48).lower(first).set(i == 1 ? 49 : 48));
    }
    for (int page = 0; page < memory.pages(); page++) {
      second.map(memory.page(page), memory.page(page), 3, secondPage);
    }
    machine.stream(1, new StreamEntry(5).stage1(contexts[0], 0, 0, 0));
    machine.stream(2, new StreamEntry(5).stage1(contexts[1], 0, 0, 0));
    machine.stream(3, vmid7(new StreamEntry(6).stage2(second, 48)));
    machine.stream(4, vmid7(new StreamEntry(7).stage1(contexts[2], 0, 0, 0).stage2(second, 48)));
    registers = machine.registers();
    return Iommu.smmuv3(Comparison.over(memory), registers);
  }

  private static StreamEntry vmid7(StreamEntry entry) {
    return entry.set(128).set(129).set(130);
  }

  private static void map(VmsaTables tables, long from, long to, long flags, long private1) {
    for (int page = 0; page < 4; page++) {
      tables.map(from + page * 4096L, to + page * 4096L, 3, flags | private1);
    }
    tables.map(from + (BIG - PAGE), to + (BIG - PAGE), 2, flags | private1);
  }

  @BeforeEach
  void fill() {
    translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    for (int stream = 1; stream <= STREAMS; stream++) {
      endpoints.add(translator.endpoint(stream, -1));
      missing(stream);
    }
  }

  @AfterEach
  void close() {
    arena.close();
  }

  /** Which of a stream's five translations are no longer there: bit 4 is the block. */
  private int missing(int stream) {
    int missing = 0;
    for (int page = 0; page <= 4; page++) {
      long misses = translator.counters().misses();
      long address = page == 4 ? BIG + 0x1234 : PAGE + page * 4096L;
      long answer = endpoints.get(stream - 1).translate(address, Access.READ);
      assertEquals(address - PAGE + OUT, Translation.address(answer), Translation.describe(answer));
      missing |= (int) (translator.counters().misses() - misses) << page;
    }
    return missing;
  }

  private String dropped() {
    StringBuilder all = new StringBuilder();
    for (int stream = 1; stream <= STREAMS; stream++) {
      all.append(stream == 1 ? "" : " ").append("%02x".formatted(missing(stream)));
    }
    return all.toString();
  }

  @Test
  void whatWasTranslatedOnceIsAHit() {
    assertEquals("00 00 00 00", dropped());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "CMD_TLBI_NSNH_ALL,                     0x30,                  0x0,        1f 1f 1f 1f",
    "CMD_TLBI_NH_ALL of VMID 0,             0x10,                  0x0,        1f 1f 00 00",
    "CMD_TLBI_NH_ALL of VMID 7,             0x700000010,           0x0,        00 00 00 1f",
    "CMD_TLBI_NH_ASID 1 of VMID 0,          0x1000000000011,       0x0,        1f 00 00 00",
    "CMD_TLBI_NH_ASID 2 of VMID 0,          0x2000000000011,       0x0,        00 1f 00 00",
    "CMD_TLBI_NH_VA page 1 of ASID 1,       0x1000000000012,       0x40401001, 02 00 00 00",
    "CMD_TLBI_NH_VA in the block,           0x2000000000012,       0x40673001, 00 10 00 00",
    "CMD_TLBI_NH_VA of a global page,       0x9000700000012,       0x40403001, 00 00 00 08",
    "CMD_TLBI_NH_ASID of another ASID,      0x9000700000011,       0x0,        00 00 00 00",
    "CMD_TLBI_NH_VAA page 1 of VMID 0,      0x13,                  0x40401001, 02 02 00 00",
    "CMD_TLBI_NH_VA in VMID 7,              0x1000700000012,       0x40402001, 00 00 00 04",
    "CMD_TLBI_S12_VMALL of VMID 7,          0x700000028,           0x0,        00 00 1f 1f",
    "CMD_TLBI_S2_IPA page 2 of VMID 7,      0x70000002a,           0x40402001, 00 00 04 1f",
    "another VMID,                          0x800000028,           0x0,        00 00 00 00",
    "range of two pages (NUM=1 SCALE=0),    0x1000000001012,       0x40401401, 06 00 00 00",
    "range of 2 * 2^1 pages (NUM=1),        0x1000000101012,       0x40400401, 0f 00 00 00",
    "range over the block (SCALE=9 NUM=1),  0x1000000901012,       0x40400401, 1f 00 00 00",
    "TTL=3 names one page,                  0x1000000000012,       0x40401701, 02 00 00 00",
    "CMD_CFGI_STE of stream 1,              0x100000003,           0x0,        1f 00 00 00",
    "CMD_CFGI_STE_RANGE of 2^1 streams,     0x200000004,           0x0,        00 1f 1f 00",
    "CMD_CFGI_STE_RANGE of 2^2 streams,     0x200000004,           0x1,        1f 1f 1f 00",
    "CMD_CFGI_ALL,                          0x4,                   0x1f,       1f 1f 1f 1f",
    "CMD_CFGI_CD_ALL of stream 4,           0x400000006,           0x0,        00 00 00 1f",
    "CMD_CFGI_CD of another SubstreamID,    0x100003005,           0x0,        00 00 00 00",
    "CMD_PREFETCH_CONFIG,                   0x100000001,           0x0,        00 00 00 00",
    "CMD_PREFETCH_ADDR,                     0x100000002,           0x0,        00 00 00 00",
    "CMD_TLBI_EL2_ALL of nobody,            0x20,                  0x0,        00 00 00 00",
    "CMD_SYNC,                              0x46,                  0x0,        00 00 00 00",
    "range whose end lies beyond 2^64,      0x1000001f1f012,       0x40400401, 1f 00 00 00",
    "range of a granule beyond 2^63,        0x1000003f00012,       0x40400401, 1f 00 00 00",
  })
  void commandsDropWhatTheyName(String name, String w0, String w1, String expected) {
    int result = iommu.smmuInvalidations().submit(Long.decode(w0.strip()), Long.decode(w1.strip()));
    assertEquals(0, result, name);
    assertEquals(expected, dropped());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "unknown opcode 0x2f,                   0x2f,                  0x0",
    "SSEC on the Non-secure queue,          0x430,                 0x0",
    "CMD_SYNC with CS=3,                    0x3046,                0x0",
    "TG without NUM SCALE and TTL,          0x1000000000012,       0x40401401",
    "the same by every ASID,                0x13,                  0x40401401",
    "the same for stage 2,                  0x70000002a,           0x40401401",
    "the same for EL2,                      0x1000000000022,       0x40401401",
    "the same for EL2 by every ASID,        0x23,                  0x40401401",
    "16K TG with TTL 1 alone without DS,    0x1000000000012,       0x40400901",
    "CMD_PRI_RESP without page requests,    0x100000041,           0x1000",
    "CMD_CFGI_VMS_PIDM without MPAM,        0x7,                   0x0",
  })
  void illegalCommandsAreRefusedAndDropNothing(String name, String w0, String w1) {
    int result = iommu.smmuInvalidations().submit(Long.decode(w0.strip()), Long.decode(w1.strip()));
    assertEquals(1, result, name);
    assertEquals("00 00 00 00", dropped());
  }

  @Test
  void aChangedContextTakesEffectWithItsInvalidation() {
    long before = endpoints.get(0).translate(PAGE, Access.READ);
    long entry = memory.get(firstContext);
    memory.put(firstContext, entry & ~(1L << 31));
    assertEquals(before, endpoints.get(0).translate(PAGE, Access.READ), "still cached");
    assertEquals(0, iommu.smmuInvalidations().submit(0x1_0000_0005L, 0));
    assertEquals(0x0a, Translation.code(endpoints.get(0).translate(PAGE, Access.READ)));
    memory.put(firstContext, entry);
    iommu.smmuInvalidations().configContext(1, 0);
    assertEquals(before, endpoints.get(0).translate(PAGE, Access.READ));
  }

  /** IDR0: S2P bit 0, S1P bit 1; IDR3: MPAM bit 7. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "CMD_CFGI_CD without stage 1,               2, 0,   0x100000005, 1",
    "CMD_CFGI_CD_ALL without stage 1,           2, 0,   0x100000006, 1",
    "CMD_TLBI_NH_ALL without stage 1,           2, 0,   0x10,        1",
    "CMD_TLBI_S12_VMALL without stage 2,        1, 0,   0x28,        1",
    "CMD_TLBI_S2_IPA without stage 2,           1, 0,   0x2a,        1",
    "CMD_TLBI_EL2_ALL without EL2,              512, 0, 0x20,        1",
    "CMD_CFGI_VMS_PIDM with MPAM,               0, 128, 0x7,         0",
    "CMD_ATC_INV without ATS,                   1024, 0, 0x40,       1",
  })
  void whatAUnitLacksMakesCommandsIllegal(
      String name, long without, long with, String w0, int expected) {
    Iommu other = with(without, with);
    assertEquals(expected, other.smmuInvalidations().submit(Long.decode(w0.strip()), 0), name);
  }

  private Iommu with(long without, long with) {
    Map<String, Long> changed = new HashMap<>(registers);
    changed.merge("IDR0", ~without, (a, b) -> a & b);
    changed.merge("IDR3", with, (a, b) -> a | b);
    return Iommu.smmuv3(Comparison.over(memory), changed);
  }

  @Test
  void withoutStage2EveryInvalidationOfStage1ReachesEveryVmid() {
    long[] commands = {0x10, 0x7_0000_0011L, 0x7_0000_0012L, 0x7_0000_0013L};
    for (long command : commands) {
      Iommu other = with(1, 0);
      Translator one = other.newTranslator(CacheOptions.DEFAULT.withCounters());
      one.translate(1, -1, PAGE, Access.READ);
      assertEquals(0, other.smmuInvalidations().submit(command, 0x7000_0000L));
      long misses = one.counters().misses();
      one.translate(1, -1, PAGE, Access.READ);
      assertEquals(misses + 1, one.counters().misses(), () -> Long.toHexString(command));
    }
  }

  /** IDR3.RIL is bit 10. Without it a command names one page, whatever its TG bits are. */
  @ParameterizedTest
  @CsvSource({"1, 0x12", "1, 0x13", "3, 0x70000002a"})
  void withoutRangesTheirBitsChangeNothing(int stream, String w0) {
    Map<String, Long> changed = new HashMap<>(registers);
    changed.merge("IDR3", ~(1L << 10), (a, b) -> a & b);
    Iommu other = Iommu.smmuv3(Comparison.over(memory), changed);
    long asid = stream == 1 ? 1L << 48 : 0;
    for (long tg = 0; tg < 4; tg++) {
      Translator one = other.newTranslator(CacheOptions.DEFAULT.withCounters());
      one.translate(stream, -1, PAGE, Access.READ);
      one.translate(stream, -1, PAGE + 0x1000, Access.READ);
      long misses = one.counters().misses();
      long range = 1L << 12 | 1L << 20;
      assertEquals(
          0,
          other
              .smmuInvalidations()
              .submit(Long.decode(w0) | asid | range, PAGE + 0x1000 | tg << 10 | 1));
      one.translate(stream, -1, PAGE, Access.READ);
      assertEquals(misses, one.counters().misses(), "the page before, TG " + tg);
      one.translate(stream, -1, PAGE + 0x1000, Access.READ);
      assertEquals(misses + 1, one.counters().misses(), "the named page, TG " + tg);
    }
  }

  /** IDR0.PRI is bit 16, RESP bits 77:76; 3 is reserved. */
  @ParameterizedTest
  @CsvSource({"0, 0", "1, 0", "2, 0", "3, 1"})
  void aReservedResponseToAPageRequestIsIllegal(long response, int expected) {
    Map<String, Long> changed = new HashMap<>(registers);
    changed.merge("IDR0", 1L << 16, (a, b) -> a | b);
    SmmuInvalidations all = Iommu.smmuv3(Comparison.over(memory), changed).smmuInvalidations();
    assertEquals(expected, all.submit(0x1_0000_0041L, response << 12));
  }

  @Test
  void aRangeOfAllStreamsIsAll() {
    iommu.smmuInvalidations().configStreams(1, 31);
    assertEquals("1f 1f 1f 1f", dropped());
  }

  /** IDR0.STALL_MODEL, bits 25:24. */
  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "2, 0"})
  void stallsAreResumedWhereThereAreStalls(long model, int expected) {
    Map<String, Long> changed = new HashMap<>(registers);
    changed.merge("IDR0", model << 24, (a, b) -> a & ~(3L << 24) | b);
    SmmuInvalidations all = Iommu.smmuv3(Comparison.over(memory), changed).smmuInvalidations();
    assertEquals(expected, all.submit(0x44, 0));
    assertEquals(expected, all.submit(0x45, 0));
  }
}
