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
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every bit of a name counts. For each bit there is a requester whose domain, PASID, source id,
 * ASID, VMID, StreamID or SubstreamID has this bit alone; an invalidation of one of them drops what
 * that requester has in the caches, and nothing else.
 */
final class WholeNamesTest {
  private static final long PAGE = 0x4030_2000L;
  private static final long LAST = PAGE | 0xfff;
  private static final long OUT = 0x8000_0000L;

  private static final RegionSet BARRED =
      RegionSet.of(List.of(new Region(PAGE, LAST, RegionKind.RESERVED)));

  /** What the requesters differ in. */
  enum Numbers {
    DOMAINS(16),
    DOMAINS_OF_FIRST_STAGES(16),
    DOMAINS_OF_LEGACY_MODE(16),
    PASIDS(20),
    SOURCES(16),
    STREAMS(16),
    SUBSTREAMS(20),
    ASIDS(16),
    ASIDS_OF_EL2(16),
    VMIDS(16),
    VMIDS_OF_STAGE_1(16);

    private final int bits;

    Numbers(int bits) {
      this.bits = bits;
    }
  }

  /** Carries out the invalidation of a number. */
  interface Invalidation {
    void of(Iommu iommu, int number);
  }

  record Case(Numbers numbers, String what, Invalidation invalidation) {
    @Override
    public String toString() {
      return numbers + ", " + what;
    }
  }

  static Stream<Case> cases() {
    List<Case> all = new ArrayList<>();
    vtd(all);
    smmuStages(all);
    smmuConfigurations(all);
    return all.stream();
  }

  private static void add(List<Case> to, Numbers numbers, String what, Invalidation invalidation) {
    to.add(new Case(numbers, what, invalidation));
  }

  private static void descriptor(
      List<Case> to, Numbers numbers, long low, int shift, long high, boolean wide) {
    add(
        to,
        numbers,
        "descriptor 0x%x".formatted(low),
        (iommu, number) -> {
          VtdInvalidations unit = iommu.vtdInvalidations();
          long named = low | (long) number << shift;
          int result = wide ? unit.submit(named, high, 0, 0) : unit.submit(named, high);
          assertEquals(VtdInvalidations.DONE, result);
        });
  }

  private static void command(List<Case> to, Numbers numbers, long w0, int shift, long w1) {
    add(
        to,
        numbers,
        "command 0x%x".formatted(w0),
        (iommu, number) ->
            assertEquals(0, iommu.smmuInvalidations().submit(w0 | (long) number << shift, w1)));
  }

  private static void vtd(List<Case> to) {
    Numbers n = Numbers.DOMAINS;
    add(to, n, "IOTLB", (unit, id) -> unit.vtdInvalidations().iotlbDomain(id));
    add(to, n, "pages", (unit, id) -> unit.vtdInvalidations().iotlbPages(id, PAGE, 0, true));
    add(to, n, "PASID-cache", (unit, id) -> unit.vtdInvalidations().pasidDomain(id));
    add(to, n, "PASID-cache of one", (unit, id) -> unit.vtdInvalidations().pasid(id, 0));
    descriptor(to, n, 0x22, 16, 0, false);
    descriptor(to, n, 0x32, 16, PAGE, false);
    descriptor(to, n, 0x07, 16, 0, true);
    descriptor(to, n, 0x17, 16, 0, true);
    n = Numbers.DOMAINS_OF_FIRST_STAGES;
    add(to, n, "IOTLB", (unit, id) -> unit.vtdInvalidations().pasidIotlb(id, 0));
    add(
        to,
        n,
        "pages",
        (unit, id) -> unit.vtdInvalidations().pasidIotlbPages(id, 0, PAGE, 0, true));
    descriptor(to, n, 0x26, 16, 0, true);
    descriptor(to, n, 0x36, 16, PAGE, true);
    n = Numbers.DOMAINS_OF_LEGACY_MODE;
    add(to, n, "context-cache", (unit, id) -> unit.vtdInvalidations().contextDomain(id));
    descriptor(to, n, 0x21, 16, 0, false);
    n = Numbers.PASIDS;
    add(to, n, "IOTLB", (unit, id) -> unit.vtdInvalidations().pasidIotlb(1, id));
    add(
        to,
        n,
        "pages",
        (unit, id) -> unit.vtdInvalidations().pasidIotlbPages(1, id, PAGE, 0, true));
    add(to, n, "PASID-cache", (unit, id) -> unit.vtdInvalidations().pasid(1, id));
    descriptor(to, n, 0x1_0026, 32, 0, true);
    descriptor(to, n, 0x1_0036, 32, PAGE, true);
    descriptor(to, n, 0x1_0017, 32, 0, true);
    n = Numbers.SOURCES;
    add(to, n, "context-cache", (unit, id) -> unit.vtdInvalidations().contextDevice(id, 0));
    descriptor(to, n, 0x31, 32, 0, false);
  }

  private static void smmuStages(List<Case> to) {
    Numbers n = Numbers.ASIDS;
    add(to, n, "all", (unit, id) -> unit.smmuInvalidations().stage1Asid(0, id));
    add(to, n, "VA", (unit, id) -> unit.smmuInvalidations().stage1Range(0, id, PAGE, LAST, true));
    command(to, n, 0x11, 48, 0);
    command(to, n, 0x12, 48, PAGE | 1);
    n = Numbers.ASIDS_OF_EL2;
    add(to, n, "all", (unit, id) -> unit.smmuInvalidations().el2Asid(id));
    add(to, n, "VA", (unit, id) -> unit.smmuInvalidations().el2Range(id, PAGE, LAST, true));
    command(to, n, 0x21, 48, 0);
    command(to, n, 0x22, 48, PAGE | 1);
    n = Numbers.VMIDS;
    add(to, n, "both stages", (unit, id) -> unit.smmuInvalidations().vmidAll(id));
    add(to, n, "IPA", (unit, id) -> unit.smmuInvalidations().stage2Range(id, PAGE, LAST, true));
    command(to, n, 0x28, 32, 0);
    command(to, n, 0x2a, 32, PAGE | 1);
    n = Numbers.VMIDS_OF_STAGE_1;
    add(to, n, "all", (unit, id) -> unit.smmuInvalidations().stage1All(id));
    add(to, n, "ASID", (unit, id) -> unit.smmuInvalidations().stage1Asid(id, 0));
    add(to, n, "VA", (unit, id) -> unit.smmuInvalidations().stage1Range(id, 0, PAGE, LAST, true));
    add(
        to,
        n,
        "VA of all",
        (unit, id) -> unit.smmuInvalidations().stage1RangeOfAll(id, PAGE, LAST, true));
    command(to, n, 0x10, 32, 0);
    command(to, n, 0x11, 32, 0);
    command(to, n, 0x12, 32, PAGE | 1);
    command(to, n, 0x13, 32, PAGE | 1);
    command(to, n, 0x28, 32, 0);
  }

  private static void smmuConfigurations(List<Case> to) {
    Numbers n = Numbers.STREAMS;
    add(to, n, "STE", (unit, id) -> unit.smmuInvalidations().configStream(id));
    add(to, n, "CDs", (unit, id) -> unit.smmuInvalidations().configContexts(id));
    command(to, n, 0x3, 32, 0);
    command(to, n, 0x6, 32, 0);
    n = Numbers.SUBSTREAMS;
    add(to, n, "CD", (unit, id) -> unit.smmuInvalidations().configContext(1, id));
    command(to, n, 0x1_0000_0005L, 12, 0);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void anInvalidationDropsWhatHasEachBitOfTheName(Case tried) {
    Numbers numbers = tried.numbers;
    try (Arena arena = Arena.ofConfined()) {
      Iommu iommu = iommu(numbers, arena);
      Translator translator = iommu.newTranslator(CacheOptions.DEFAULT.withCounters());
      List<Endpoint> endpoints = endpoints(numbers, translator);
      missing(translator, endpoints);
      for (int bit = 0; bit < numbers.bits; bit++) {
        tried.invalidation.of(iommu, 1 << bit);
        assertEquals(
            Integer.toHexString(1 << bit), Integer.toHexString(missing(translator, endpoints)));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"SOURCES", "PASIDS", "STREAMS", "SUBSTREAMS"})
  void aRestrictionBarsTheRequesterWithEachBitOfTheName(Numbers numbers) {
    try (Arena arena = Arena.ofConfined()) {
      Iommu iommu = iommu(numbers, arena);
      List<Endpoint> endpoints = endpoints(numbers, iommu.newTranslator());
      for (Endpoint named : endpoints) {
        endpoints.forEach(endpoint -> endpoint.translate(PAGE, Access.READ));
        iommu.restrict(named.sourceId(), named.pasid(), BARRED, RegionSet.EMPTY);
        for (Endpoint endpoint : endpoints) {
          long answer = endpoint.translate(PAGE, Access.READ);
          String what = "%x, PASID %x".formatted(endpoint.sourceId(), endpoint.pasid());
          assertEquals(endpoint.equals(named), Translation.isFault(answer), what);
        }
        iommu.restrict(named.sourceId(), named.pasid(), RegionSet.EMPTY, RegionSet.EMPTY);
      }
    }
  }

  private static List<Endpoint> endpoints(Numbers numbers, Translator translator) {
    List<Endpoint> endpoints = new ArrayList<>();
    for (int bit = 0; bit < numbers.bits; bit++) {
      int number = 1 << bit;
      endpoints.add(
          switch (numbers) {
            case SOURCES, STREAMS -> translator.endpoint(number, -1);
            case PASIDS, SUBSTREAMS -> translator.endpoint(1, number);
            default -> translator.endpoint(1 + bit, -1);
          });
    }
    return endpoints;
  }

  private static Iommu iommu(Numbers numbers, Arena arena) {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, 2048);
    boolean vtd = numbers.compareTo(Numbers.STREAMS) < 0;
    return vtd ? vtd(numbers, memory) : smmu(numbers, memory);
  }

  /** Bit n: the translation of requester n was not there; it is afterwards. */
  private static int missing(Translator translator, List<Endpoint> endpoints) {
    int missing = 0;
    for (int bit = 0; bit < endpoints.size(); bit++) {
      long misses = translator.counters().misses();
      long answer = endpoints.get(bit).translate(PAGE | 8, Access.READ);
      assertEquals(OUT | 8, Translation.address(answer), Translation.describe(answer));
      missing |= (int) (translator.counters().misses() - misses) << bit;
    }
    return missing;
  }

  private static Iommu vtd(Numbers numbers, TableMemory memory) {
    VtdMachine machine = new VtdMachine(memory);
    machine.register("CAP", VtdMachine.CAP | 1L << 39 | 18L << 48);
    boolean legacy = numbers == Numbers.DOMAINS_OF_LEGACY_MODE;
    if (!legacy) {
      machine.scalable();
    }
    SecondStageTables second = new SecondStageTables(memory, 4);
    second.map(PAGE, OUT, 12, 3);
    FirstStageTables first = new FirstStageTables(memory, 4);
    first.map(PAGE, OUT, 12, FirstStageTables.P | FirstStageTables.US | FirstStageTables.A);
    if (numbers == Numbers.PASIDS) {
      machine.scalableContext(1, 4 | 8, 7, 0);
    }
    for (int bit = 0; bit < numbers.bits; bit++) {
      int number = 1 << bit;
      PasidEntry one = PasidEntry.firstStage(4, first.root());
      PasidEntry two = PasidEntry.secondStage(2, second.root());
      switch (numbers) {
        case DOMAINS_OF_LEGACY_MODE -> machine.context(1 + bit, 0, 2, number, second.root());
        case DOMAINS_OF_FIRST_STAGES -> machine.pasid(1 + bit, 0, one.domain(number));
        case PASIDS -> machine.pasid(1, number, one.domain(1));
        // Requesters of one domain with one table would share translations.
        case SOURCES -> machine.pasid(number, 0, two.domain(1 + bit));
        default -> machine.pasid(1 + bit, 0, two.domain(number));
      }
    }
    return Iommu.vtd(Comparison.over(memory), machine.registers(), VtdLab.HAW);
  }

  private static Iommu smmu(Numbers numbers, TableMemory memory) {
    SmmuMachine machine = new SmmuMachine(memory, numbers == Numbers.STREAMS ? 16 : 6);
    VmsaTables second = new VmsaTables(memory, 12, 1, 39).map(PAGE, OUT, 3, SmmuLab.SECOND_PAGE);
    VmsaTables first = new VmsaTables(memory, 12, 1, 39);
    first.map(PAGE, OUT, 3, SmmuLab.FIRST_PAGE | 1L << 11);
    if (numbers == Numbers.ASIDS_OF_EL2) {
      machine.register("CR2", 3); // RECINVSID, E2H
    }
    if (numbers == Numbers.SUBSTREAMS) {
      machine.register("IDR1", SmmuMachine.IDR1 & ~(31L << 6) | 20L << 6);
      substreams(machine, memory, first);
      return Iommu.smmuv3(Comparison.over(memory), machine.registers());
    }
    for (int bit = 0; bit < numbers.bits; bit++) {
      long context = memory.allocate();
      ContextEntry descriptor = new ContextEntry(48).lower(first);
      StreamEntry one = new StreamEntry(5).stage1(context, 0, 0, 0);
      StreamEntry two = new StreamEntry(6).stage2(second, 48);
      switch (numbers) {
        case STREAMS -> machine.stream(1 << bit, vmid(two, 1 + bit));
        case VMIDS -> machine.stream(1 + bit, vmid(two, 1 << bit));
        case VMIDS_OF_STAGE_1 -> machine.stream(1 + bit, vmid(one, 1 << bit));
        case ASIDS_OF_EL2 -> {
          machine.stream(1 + bit, one.set(64 + 31)); // STRW = EL2
          asid(descriptor, 1 << bit);
        }
        default -> {
          machine.stream(1 + bit, one);
          asid(descriptor, 1 << bit);
        }
      }
      machine.context(context, descriptor);
    }
    return Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }

  /** A CD for each, in two levels with leaves of 64 KiB, which hold 1024 CDs. */
  private static void substreams(SmmuMachine machine, TableMemory memory, VmsaTables first) {
    long top = memory.allocateAligned(8192);
    machine.stream(1, new StreamEntry(5).stage1(top, 20, 2, 1));
    long low = leaf(memory, top, 0);
    for (int bit = 0; bit < Numbers.SUBSTREAMS.bits; bit++) {
      int number = 1 << bit;
      long leaf = bit < 10 ? low : leaf(memory, top, number >>> 10);
      ContextEntry descriptor = asid(new ContextEntry(48).lower(first), 1 + bit);
      machine.context(leaf + (number & 1023) * 64L, descriptor);
    }
  }

  private static long leaf(TableMemory memory, long top, int index) {
    long leaf = memory.allocateAligned(1 << 16);
    memory.put(top + 8L * index, leaf | 1);
    return leaf;
  }

  private static ContextEntry asid(ContextEntry entry, int asid) {
    for (int bit = 0; bit < 16; bit++) {
      if ((asid >>> bit & 1) != 0) {
        entry.set(48 + bit);
      }
    }
    return entry;
  }

  private static StreamEntry vmid(StreamEntry entry, int vmid) {
    for (int bit = 0; bit < 16; bit++) {
      if ((vmid >>> bit & 1) != 0) {
        entry.set(128 + bit);
      }
    }
    return entry;
  }
}
