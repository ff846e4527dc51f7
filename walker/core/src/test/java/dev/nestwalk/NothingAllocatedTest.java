package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.AllocatedBytes;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToLongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a translator does again and again allocates nothing, whatever caches it has: each operation
 * is measured by itself, so that one stored object in any of them shows.
 */
final class NothingAllocatedTest {
  private static final int ROUNDS = 150;

  /** What is not yet compiled, or is about to get a class of its own, may allocate. */
  private static final int WINDOWS = 60;

  private static final int PAGES = 64;
  private static final int BATCH = 48;

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    for (boolean vtd : new boolean[] {true, false}) {
      for (int stages = 1; stages <= 3; stages++) {
        MappedPlan plan = MappedPlan.of(vtd, (stages & 1) != 0, (stages & 2) != 0);
        plans.add(plan.pages(PAGES, 0, 1));
        // Pages of 2 MiB and, where they end, of 4 KiB.
        plans.add(plan.pages(1024, 20, 1).runs(MappedMachine.Runs.SPREAD));
      }
    }
    return plans.stream();
  }

  private static Map<String, CacheOptions> caches() {
    Map<String, CacheOptions> all = new LinkedHashMap<>();
    all.put("default", CacheOptions.DEFAULT);
    all.put("counting", CacheOptions.DEFAULT.withStructures(64, 64, 64).withCounters());
    all.put("small", new CacheOptions(16, 2, 4, 4, 4, false));
    // Tables are found, translations give way to others all the time.
    all.put("missing", new CacheOptions(16, 4, 64, 64, 0, false));
    all.put("tables", CacheOptions.NONE.withStructures(64, 64, 0));
    all.put("tables, counting", CacheOptions.NONE.withStructures(64, 64, 0).withCounters());
    all.put("none", CacheOptions.NONE);
    all.put("none, counting", CacheOptions.NONE.withCounters());
    return all;
  }

  @ParameterizedTest
  @MethodSource("plans")
  void noOperationAllocates(MappedPlan plan) {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(plan, arena);
      Map<String, String> allocated = new LinkedHashMap<>();
      caches()
          .forEach(
              (name, options) -> {
                Iommu iommu = iommu(plan, machine);
                Translator translator = iommu.newTranslator(options);
                Operations operations = new Operations(machine, iommu, translator, arena);
                for (String how : List.of("", ", restricted")) {
                  operations.all.forEach(
                      (what, operation) -> {
                        long bytes = AllocatedBytes.of(ROUNDS, WINDOWS, operation);
                        if (bytes != 0) {
                          String where = name + ", " + what + how;
                          allocated.put(where, bytes + " bytes in " + ROUNDS + " rounds");
                        }
                      });
                  operations.restrict();
                }
              });
      assertEquals(Map.of(), allocated);
    }
  }

  /** To resolve a configuration makes a few objects; nothing that grows. */
  @ParameterizedTest
  @MethodSource("plans")
  void aConfigurationIsResolvedInFourKibibytes(MappedPlan plan) {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(plan, arena);
      Iommu iommu = iommu(plan, machine);
      Endpoint endpoint = iommu.newTranslator().endpoint(MappedMachine.SOURCE, -1);
      long bytes =
          AllocatedBytes.of(
              ROUNDS,
              WINDOWS,
              round -> {
                iommu.invalidateAll();
                return endpoint.translate(machine.input(), Access.READ);
              });
      assertTrue(bytes <= 4096L * ROUNDS, () -> bytes + " bytes in " + ROUNDS + " rounds");
    }
  }

  private static Iommu iommu(MappedPlan plan, MappedMachine machine) {
    return plan.vtd()
        ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
        : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
  }

  /** Every operation on one translator. */
  private static final class Operations {
    final Map<String, IntToLongFunction> all = new LinkedHashMap<>();
    private final Iommu iommu;
    private final Translator translator;
    private final Endpoint endpoint;
    private final long[] iovas;
    private final long[] answers = new long[PAGES];
    private final MemorySegment iovaSegment;
    private final MemorySegment answerSegment;
    private final MemorySegment buffer;
    private final DmaRuns runs = new DmaRuns(8);
    private final long input;
    private final long nowhere;

    Operations(MappedMachine machine, Iommu iommu, Translator translator, Arena arena) {
      this.iommu = iommu;
      this.translator = translator;
      endpoint = translator.endpoint(MappedMachine.SOURCE, -1);
      iovas = machine.addresses(PAGES);
      input = machine.input();
      nowhere = input ^ 1L << 30;
      iovaSegment = arena.allocate(8L * BATCH, 8);
      answerSegment = arena.allocate(8L * BATCH, 8);
      MemorySegment.copy(iovas, 0, iovaSegment, ValueLayout.JAVA_LONG, 0, BATCH);
      buffer = arena.allocate(256, 8);
      asking();
      refusing();
      if (machine.registers().containsKey("CAP")) {
        vtd();
      } else {
        smmu();
      }
    }

    private void asking() {
      for (int access = Access.READ; access <= Access.ATOMIC; access++) {
        int asked = access;
        String of = ", access " + access;
        all.put("translate" + of, round -> endpoint.translate(iovas[round % PAGES], asked));
        all.put("batch" + of, round -> endpoint.translate(iovas, answers, 0, BATCH, asked));
        all.put("short batch" + of, round -> endpoint.translate(iovas, answers, 1, 5, asked));
        all.put(
            "batch in memory" + of, round -> endpoint.translate(iovaSegment, answerSegment, asked));
        all.put("range" + of, round -> endpoint.translateRange(input, 0x2800, asked, runs));
      }
      all.put(
          "by source id",
          round ->
              translator.translate(MappedMachine.SOURCE, -1, iovas[round % PAGES], Access.READ));
      all.put("read", round -> endpoint.read(iovas[round % PAGES], buffer));
      all.put("read of a part", round -> endpoint.read(iovas[round % PAGES], buffer, 8, 100));
      all.put("write", round -> endpoint.write(iovas[round % PAGES], buffer));
      all.put(
          "pause",
          round -> {
            translator.pause();
            translator.resume();
            return endpoint.translate(iovas[round % PAGES], Access.READ);
          });
    }

    private void refusing() {
      all.put(
          "publishing",
          round -> {
            iommu.invalidateAll();
            return round;
          });
      all.put("refusal", round -> endpoint.translate(nowhere, Access.READ));
      all.put(
          "batch with refusals",
          round -> {
            iovas[3] = nowhere;
            return endpoint.translate(iovas, answers, 0, BATCH, Access.READ);
          });
      all.put("refused range", round -> endpoint.translateRange(nowhere, 64, Access.READ, runs));
      all.put("refused read", round -> endpoint.read(nowhere, buffer));
      all.put(
          "translation request",
          round ->
              endpoint.translate(iovas[round % PAGES], Access.READ | Access.TRANSLATION_REQUEST));
    }

    /** An invalidation, and what follows: one translation, and a batch. */
    private void invalidation(String name, Runnable invalidate) {
      IntToLongFunction before =
          all.put(
              name,
              round -> {
                invalidate.run();
                return endpoint.translate(iovas[round % PAGES], Access.READ)
                    + endpoint.translate(iovas, answers, 0, BATCH, Access.READ);
              });
      assertNull(before, name + " would not be measured");
    }

    private void vtd() {
      var unit = iommu.vtdInvalidations();
      invalidation("IOTLB, global", unit::iotlbGlobal);
      for (int domain = 0; domain < 3; domain++) {
        int named = domain;
        invalidation("IOTLB of domain " + domain, () -> unit.iotlbDomain(named));
        invalidation("page of " + domain, () -> unit.iotlbPages(named, input, 0, true));
        invalidation("pages of " + domain, () -> unit.iotlbPages(named, input, 9, false));
        invalidation(
            "very many pages of " + domain, () -> unit.iotlbPages(named, input, 40, false));
        invalidation("PASID of " + domain, () -> unit.pasidIotlb(named, 0));
        invalidation(
            "PASID's page of " + domain, () -> unit.pasidIotlbPages(named, 0, input, 0, true));
        invalidation(
            "PASID's pages of " + domain, () -> unit.pasidIotlbPages(named, 0, input, 40, false));
      }
      invalidation("another device", () -> unit.contextDevice(77, 3));
      // Every type and granularity; what is illegal is refused.
      for (long type = 0; type < 16; type++) {
        for (long granularity = 0; granularity < 4; granularity++) {
          long low = type | granularity << 4 | 1L << 16;
          invalidation("descriptor 0x%x".formatted(low), () -> unit.submit(low, input));
          invalidation("wide descriptor 0x%x".formatted(low), () -> unit.submit(low, input, 0, 0));
        }
      }
    }

    private void smmu() {
      var unit = iommu.smmuInvalidations();
      invalidation("everything", unit::all);
      for (int id = 0; id < 2; id++) {
        int named = id;
        invalidation("VMID " + id, () -> unit.vmidAll(named));
        invalidation("stage 1 of VMID " + id, () -> unit.stage1All(named));
        invalidation("ASID " + id, () -> unit.stage1Asid(named, 0));
        invalidation("VA of " + id, () -> unit.stage1Range(named, 0, input, input + 4095, true));
        invalidation("VAs of " + id, () -> unit.stage1Range(named, 0, 0, -1, false));
        invalidation("VAA of " + id, () -> unit.stage1RangeOfAll(named, input, input + 4095, true));
        invalidation("IPA of " + id, () -> unit.stage2Range(named, input, input + 4095, true));
        invalidation("IPAs of " + id, () -> unit.stage2Range(named, 0, -1, false));
      }
      invalidation("EL2", unit::el2All);
      invalidation("another stream", () -> unit.configStream(77));
      invalidation("other streams", () -> unit.configStreams(128, 3));
      for (long opcode = 0; opcode < 0x50; opcode++) {
        if (opcode == 4) {
          continue; // CFGI_STE_RANGE names the requester's configuration: below.
        }
        long low = opcode;
        invalidation("command 0x%x".formatted(opcode), () -> unit.submit(low, input | 1 << 10));
      }
    }

    /** What every operation does once some of its addresses are barred. */
    void restrict() {
      Region region = new Region(nowhere, nowhere | 0xfff, RegionKind.RESERVED);
      Region beside = new Region(input + 0x5100, input + 0x51ff, RegionKind.MSI);
      RegionSet set = RegionSet.of(List.of(region, beside));
      iommu.restrict(MappedMachine.SOURCE, -1, set, set);
    }
  }
}
