package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.CountingMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Table entries read for an answer: one walk if nothing stands in its way, two at most. */
class KernelReadsTest {
  static Stream<MappedPlan> plans() {
    return Stream.of(true, false)
        .flatMap(
            vtd ->
                Stream.of(
                    MappedPlan.of(vtd, true, false),
                    MappedPlan.of(vtd, false, true),
                    MappedPlan.of(vtd, true, true),
                    MappedPlan.of(vtd, true, true).flags(true)));
  }

  private static int walk(MappedPlan plan) {
    int first = plan.first() ? 4 : 0;
    int second = plan.second() ? 4 : 0;
    return first * (second + 1) + second;
  }

  @ParameterizedTest
  @MethodSource("plans")
  void aWalkReadsEachEntryOnceAndARefusalTwice(MappedPlan plan) {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(plan, arena);
      CountingMemory memory = counting(machine);
      Iommu iommu = iommu(plan, machine, memory);
      Endpoint bare = iommu.newTranslator(CacheOptions.NONE).endpoint(MappedMachine.SOURCE, -1);
      Endpoint kept = iommu.newTranslator().endpoint(MappedMachine.SOURCE, -1);
      long[] iovas = machine.addresses(64);
      bare.translate(iovas[0], 1);
      kept.translate(iovas[0], 1);
      int stages = (plan.first() ? 1 : 0) + (plan.second() ? 1 : 0);
      for (int access = 1; access <= 3; access++) {
        for (long iova : iovas) {
          memory.reset();
          assertTrue(!Translation.isFault(bare.translate(iova, access)));
          assertEquals(walk(plan), memory.loads(), "one walk");
          memory.reset();
          kept.translate(iova ^ 0x800, access);
          assertTrue(memory.loads() <= stages, "from the last tables " + memory.loads());
        }
      }
      damaged(machine, memory, bare, kept, plan);
    }
  }

  @ParameterizedTest
  @MethodSource("plans")
  void aMissReadsAnEntryForEachStageWhateverTheSizesAndRestrictions(MappedPlan small) {
    MappedPlan plan = small.pages(4096, 50, 1);
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(plan, arena);
      CountingMemory memory = counting(machine);
      CacheOptions options = CacheOptions.NONE.withStructures(1024, 1024, 0);
      Iommu free = iommu(plan, machine, memory);
      Iommu restricted = iommu(plan, machine, memory);
      RegionSet elsewhere = RegionSet.of(List.of(Region.X86_MSI, Region.ARM_SW_MSI));
      restricted.restrict(MappedMachine.SOURCE, -1, elsewhere, elsewhere);
      int stages = (plan.first() ? 1 : 0) + (plan.second() ? 1 : 0);
      for (Iommu iommu : List.of(free, restricted)) {
        Endpoint endpoint = iommu.newTranslator(options).endpoint(MappedMachine.SOURCE, -1);
        for (int access = 1; access <= 3; access++) {
          for (long iova : machine.addresses(256)) {
            endpoint.translate(iova, access);
            memory.reset();
            assertTrue(!Translation.isFault(endpoint.translate(iova, access)));
            assertEquals(stages, memory.loads(), () -> "reads for 0x%x".formatted(iova));
          }
        }
      }
    }
  }

  private static CountingMemory counting(MappedMachine machine) {
    GuestMemory.Builder builder = GuestMemory.builder();
    for (TableMemory.Run run : machine.memory().runs()) {
      builder.ram(run.first(), run.bytes());
    }
    return new CountingMemory(builder);
  }

  private static Iommu iommu(MappedPlan plan, MappedMachine machine, GuestMemory memory) {
    return plan.vtd()
        ? Iommu.vtd(memory, machine.registers(), 46)
        : Iommu.smmuv3(memory, machine.registers());
  }

  private static void damaged(
      MappedMachine machine, CountingMemory memory, Endpoint bare, Endpoint kept, MappedPlan plan) {
    Random random = new Random(7);
    int refused = 0;
    for (int round = 0; round < 400; ) {
      int page = random.nextInt(machine.memory().pagesUsed());
      long at = machine.memory().page(page) + random.nextInt(512) * 8L;
      long word = machine.memory().get(at);
      if (word == 0 || machine.isConfiguration(page)) {
        continue;
      }
      round++;
      machine.memory().put(at, word ^ 1L << random.nextInt(64));
      for (long iova : machine.addresses(16)) {
        for (Endpoint endpoint : new Endpoint[] {bare, kept}) {
          int access = 1 + random.nextInt(3);
          memory.reset();
          long answer = endpoint.translate(iova, access);
          refused += Translation.isFault(answer) ? 1 : 0;
          int lost = memory.lost();
          int most = 2 * walk(plan) + (plan.flags() ? 3 * walk(plan) : 0);
          assertTrue(memory.loads() <= most && lost == 0, memory.loads() + " reads");
        }
      }
      machine.memory().put(at, word);
    }
    assertTrue(refused > 10, refused + " refused");
  }
}
