package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What each VT-d descriptor drops, counted: device 1 has PASIDs 5 and 6, nested in domain 10,
 * device 2 a second stage in domain 10, device 3 one in domain 20. Each translates four small pages
 * and four pieces of a large one; nested, the large page is one in the first stage and small ones
 * in the second: fractured.
 */
class VtdInvalidationTest {
  private static final long PAGE = 0x4040_0000L;
  private static final long BIG = 0x4060_0000L;
  private static final long GUEST = 0x5000_0000L;
  private static final long OUT = 0x8000_0000L;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 256);
  private Map<String, Long> registers = Map.of();
  private final Iommu iommu = build();
  private Translator translator = iommu.newTranslator();
  private final List<Endpoint> endpoints = new ArrayList<>();

  private Iommu build() {
    VtdMachine machine = new VtdMachine(memory).scalable();
    // PSI, MAMV = 18, domain ids of 8 bits.
    machine.register("CAP", VtdMachine.CAP & ~7L | 1L << 39 | 18L << 48 | 2);
    SecondStageTables second = new SecondStageTables(memory, 4);
    GuestSpace guest = new GuestSpace(memory, second, 0x100_0000_0000L);
    for (long offset = 0; offset < 4L << 20; offset += 4096) {
      second.map(GUEST + offset, OUT + offset, 12, 3);
    }
    for (int page = 0; page < 4; page++) {
      second.map(PAGE + page * 4096L, OUT + page * 4096L, 12, 3);
    }
    second.map(BIG, OUT + (BIG - PAGE), 21, 3);
    long flags = FirstStageTables.P | FirstStageTables.US | FirstStageTables.A;
    for (int pasid = 5; pasid <= 6; pasid++) {
      FirstStageTables first = new FirstStageTables(guest, 4);
      for (int page = 0; page < 4; page++) {
        first.map(PAGE + page * 4096L, GUEST + page * 4096L, 12, flags);
      }
      for (int page = 0; page < 4; page++) {
        long at = BIG - PAGE + (pasid == 5 ? 0 : page * 4096L);
        first.map(PAGE + at, GUEST + at, pasid == 5 ? 21 : 12, flags);
      }
      machine.pasid(1, pasid, PasidEntry.nested(first, second).walkSnoop().domain(10));
    }
    machine.pasid(2, 0, PasidEntry.secondStage(2, second.root()).domain(10));
    machine.pasid(3, 0, PasidEntry.secondStage(2, second.root()).domain(20));
    registers = machine.registers();
    return Iommu.vtd(Comparison.over(memory), registers, 46);
  }

  @BeforeEach
  void fill() {
    translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
    endpoints.add(translator.endpoint(1, 5));
    endpoints.add(translator.endpoint(1, 6));
    endpoints.add(translator.endpoint(2, -1));
    endpoints.add(translator.endpoint(3, -1));
    endpoints.forEach(this::missing);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  /** Which of eight translations are no longer there: bits 7:4 are pieces of the large page. */
  private int missing(Endpoint endpoint) {
    int missing = 0;
    for (int piece = 0; piece < 8; piece++) {
      long misses = translator.counters().misses();
      long address = (piece < 4 ? PAGE : BIG) + (piece & 3) * 4096L;
      long answer = endpoint.translate(address, Access.READ);
      assertEquals(address - PAGE + OUT, Translation.address(answer), Translation.describe(answer));
      missing |= (int) (translator.counters().misses() - misses) << piece;
    }
    return missing;
  }

  private String dropped() {
    List<String> all = new ArrayList<>();
    // Of a large page in one piece the first access brings the others back.
    endpoints.forEach(endpoint -> all.add("%02x".formatted(missing(endpoint))));
    return String.join(" ", all);
  }

  private static long word(String text) {
    return Long.parseUnsignedLong(text.strip().substring(2), 16);
  }

  @Test
  void whatWasTranslatedOnceIsAHit() {
    assertEquals("00 00 00 00", dropped());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "IOTLB global,                              0x12,              0x0,        ff ff 1f 1f",
    "IOTLB domain 10,                           0xa0022,           0x0,        ff ff 1f 00",
    "IOTLB domain 20,                           0x140022,          0x0,        00 00 00 1f",
    "IOTLB page 1 of domain 20,                 0x140032,          0x40401000, 00 00 00 02",
    "IOTLB page of domain 10 takes nested along,0xa0032,           0x40401040, ff ff 02 00",
    "IOTLB 4 pages (AM=2) of domain 20,         0x140032,          0x40400002, 00 00 00 0f",
    "IOTLB page within the large page,          0x140032,          0x40663040, 00 00 00 10",
    "PASID-based IOTLB: PASID 5,                0x5000a0026,       0x0,        ff 00 00 00",
    "PASID-based IOTLB: page 2 of PASID 6,      0x6000a0036,       0x40402040, 00 04 00 00",
    "PASID-based IOTLB: a fractured large page, 0x5000a0036,       0x40603040, f0 00 00 00",
    "PASID-based IOTLB: 2 pages (AM=1) with IH, 0x6000a0036,       0x40402041, 00 0c 00 00",
    "PASID-based IOTLB: page near a fractured,  0x5000a0036,       0x40402040, 0f 00 00 00",
    "PASID-based IOTLB: another domain,         0x500140026,       0x0,        00 00 00 00",
    "context-cache: device 3,                   0x300000031,       0x0,        00 00 00 1f",
    "PASID-cache: PASID 6 of domain 10,         0x6000a0017,       0x0,        00 ff 00 00",
    "PASID-cache: domain 20,                    0x140007,          0x0,        00 00 00 1f",
    "PASID-cache: every PASID of domain 10,     0xa0007,           0x0,        ff ff 1f 00",
    "PASID-cache: all,                          0x37,              0x0,        ff ff 1f 1f",
    "context-cache: all,                        0x11,              0x0,        ff ff 1f 1f",
    "context-cache: a domain in scalable mode,  0x140021,          0x0,        ff ff 1f 1f",
    "IOTLB domain 20; further bits are ignored,0xff140022,        0x0,        00 00 00 1f",
    "IOTLB page of domain 20; likewise,        0xa5140032,        0x40401000, 00 00 00 02",
    "IOTLB page; address beyond MGAW ignored,  0x140032, 0xfe00000040401000,  00 00 00 02",
    "PASID-based IOTLB: PASID 5; likewise,     0x5100a0026,       0x0,        ff 00 00 00",
    "PASID-based IOTLB: page of PASID 6; so,   0x6020a0036,       0x40402040, 00 04 00 00",
    "PASID-cache: PASID 6; likewise,           0x6400a0017,       0x0,        00 ff 00 00",
    "PASID-cache: domain 20; likewise,         0x80140007,        0x0,        00 00 00 1f",
    "device-TLB concerns no translator,         0x3,               0x0,        00 00 00 00",
    "wait,                                      0x25,              0x0,        00 00 00 00",
  })
  void descriptorsDropWhatTheyName(String name, String low, String high, String expected) {
    int result = iommu.vtdInvalidations().submit(word(low), word(high), 0, 0);
    assertEquals(0, result, name);
    assertEquals(expected, dropped());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "granularity 0 of an IOTLB descriptor,      0x2,               0x0,        4",
    "granularity 0 of a context descriptor,     0x1,               0x0,        4",
    "granularity 1 of a PASID IOTLB descriptor, 0x5000a0016,       0x0,        4",
    "granularity 2 of a PASID-cache descriptor, 0xa0027,           0x0,        4",
    "a reserved bit of a context descriptor,    0x1011,            0x0,        4",
    "a reserved bit of a PASID IOTLB descriptor,0x5000a1026,       0x0,        4",
    "a reserved bit of a PASID-cache descriptor,0x1037,            0x0,        4",
    "AM beyond MAMV,                            0xa0032,           0x4040003f, 4",
    "no such type,                              0xf,               0x0,        3",
  })
  void illegalDescriptorsAreRefusedAndDropNothing(String name, String low, String high, int error) {
    int result = iommu.vtdInvalidations().submit(word(low), word(high), 0, 0);
    assertEquals(error, result, name);
    assertEquals("00 00 00 00", dropped());
  }

  @Test
  void narrowQueuesHaveNoDescriptorsOfPasids() {
    VtdInvalidations all = iommu.vtdInvalidations();
    assertEquals(VtdInvalidations.INVALID_WIDTH, all.submit(0x5000a0026L, 0));
    assertEquals(VtdInvalidations.INVALID_WIDTH, all.submit(0x37, 0));
    assertEquals(VtdInvalidations.DONE, all.submit(0x25, 0));
    assertEquals("00 00 00 00", dropped());
    assertEquals(VtdInvalidations.DONE, all.submit(0xa0022, 0));
    assertEquals("ff ff 1f 00", dropped());
  }

  /** Bits 11:9 are the upper bits of the type: with one of them it is no type at all. */
  @ParameterizedTest
  @ValueSource(longs = {0x140021L, 0xa0022L, 0x25L, 0x5000a0026L, 0x37L})
  void aTypeIsReadWhole(long low) {
    VtdInvalidations all = iommu.vtdInvalidations();
    assertEquals(VtdInvalidations.DONE, all.submit(low, 0, 0, 0));
    for (int bit = 9; bit <= 11; bit++) {
      assertEquals(VtdInvalidations.INVALID_TYPE, all.submit(low | 1L << bit, 0, 0, 0));
    }
  }

  @Test
  void theUpperHalfOfAWideDescriptorIsReserved() {
    VtdInvalidations all = iommu.vtdInvalidations();
    assertEquals(VtdInvalidations.RESERVED_FIELD, all.submit(0x12, 0, 1, 0));
    assertEquals(VtdInvalidations.RESERVED_FIELD, all.submit(0x12, 0, 0, 1L << 63));
    assertEquals(VtdInvalidations.RESERVED_FIELD, all.submit(0x25, 0, 1, 0));
    assertEquals(VtdInvalidations.DONE, all.submit(0x9, 0, 1, 1), "a response's private data");
    assertEquals("00 00 00 00", dropped());
  }

  /** In legacy mode the mode is wrong whatever else is. */
  @Test
  void descriptorsOfPasidsAreOfScalableModeAlone() {
    long root = Objects.requireNonNull(registers.get("RTADDR"));
    iommu.reconfigure(Map.of("RTADDR", root & ~(3L << 10)), true);
    VtdInvalidations all = iommu.vtdInvalidations();
    for (long low : new long[] {0x5000a0026L, 0x37, 0x5000a0026L | 1L << 12, 0x37 | 1L << 12}) {
      assertEquals(VtdInvalidations.INVALID_MODE, all.submit(low, 0, 0, 0));
    }
    assertEquals(VtdInvalidations.RESERVED_FIELD, all.submit(0x12 | 1L << 12, 0, 0, 0));
    assertEquals(VtdInvalidations.DONE, all.submit(0x140021, 0, 0, 0));
  }

  /** CAP.PSI is bit 39, MAMV 53:48. */
  @ParameterizedTest
  @CsvSource({"1, 9, 9, 0", "1, 9, 10, 4", "1, 0, 0, 0", "1, 0, 1, 4", "0, 9, 0, 4"})
  void pagesAreSelectedUpToTheUnitsMask(long psi, long most, long mask, int expected) {
    Map<String, Long> other = new HashMap<>(registers);
    long cap = VtdMachine.CAP & ~(1L << 39) & ~(63L << 48);
    other.put("CAP", cap | psi << 39 | most << 48);
    VtdInvalidations all = Iommu.vtd(Comparison.over(memory), other, VtdLab.HAW).vtdInvalidations();
    assertEquals(expected, all.submit(0xa0032, 0x4040_0000L | mask, 0, 0));
  }

  @Test
  void anAddressMaskOf52OrMoreIsEverything() {
    List<String> heard = new ArrayList<>();
    iommu.addListener(
        new InvalidationListener() {
          @Override
          public void unmapped(Stage stage, int domain, int process, long first, long last) {
            heard.add("%x..%x".formatted(first, last));
          }
        });
    iommu.vtdInvalidations().iotlbPages(10, PAGE, 51, false);
    iommu.vtdInvalidations().iotlbPages(10, PAGE, 52, false);
    iommu.vtdInvalidations().pasidIotlbPages(10, 5, PAGE, 63, false);
    // Two that this listener has no ears for.
    iommu.vtdInvalidations().contextGlobal();
    iommu.reconfigure(Map.of(), true);
    // Of a second stage, everything is what CAP.MGAW allows.
    String all = "0..1ffffffffffffff";
    assertEquals(List.of(all, all, "0..ffffffffffffffff"), heard);
  }

  @Test
  void aDomainsPasidsAreNamedWithoutADescriptorToo() {
    iommu.vtdInvalidations().pasidDomain(20);
    assertEquals("00 00 00 1f", dropped());
  }
}
