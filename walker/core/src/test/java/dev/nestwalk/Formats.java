package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Requests;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.RandomSmmu;
import dev.nestwalk.fixtures.vtd.RandomVtd;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.walk.KernelFactory;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * What the conformance tests know of a format: its shipped scenarios, its walkers, its random
 * machines. A format that registers here gets every generic test.
 */
enum Formats {
  VTD("vtd"),
  SMMUV3("smmuv3");

  private final String folder;

  Formats(String folder) {
    this.folder = folder;
  }

  /**
   * A random machine: the hot walker on one memory, the reference walker on a copy of it, and
   * requests for both.
   */
  record Sample(
      Translator translator,
      Reference reference,
      TableMemory memory,
      TableMemory copy,
      Requests requests) {}

  /** Stems of all shipped scenarios of the format. */
  Stream<Path> scenarios() {
    Path fixtures = Scenarios.fixtures();
    String made = "teaching/" + folder;
    return Stream.concat(
        Stream.of("captures/" + folder, "vectors/" + folder, "vectors/" + folder + "-deviations")
            .flatMap(path -> Scenarios.under(fixtures.resolve(path)).stream()),
        Scenarios.under(fixtures.resolve("teaching")).stream()
            .filter(stem -> stem.toString().contains(made)));
  }

  /** Stems of all shipped scenarios. */
  static Stream<Path> allScenarios() {
    return Stream.of(values()).flatMap(Formats::scenarios);
  }

  static Iommu iommu(Machine machine, GuestMemory memory) {
    return machine.isVtd()
        ? Iommu.vtd(memory, machine.registers(), machine.hostAddressWidth())
        : Iommu.smmuv3(memory, machine.registers());
  }

  static Translator hot(Machine machine, GuestMemory memory) {
    return iommu(machine, memory).newUncachedTranslator();
  }

  static Reference reference(Machine machine, GuestMemory memory) {
    return machine.isVtd()
        ? References.vtd(memory, machine.registers(), machine.hostAddressWidth())
        : References.smmuv3(memory, machine.registers());
  }

  /**
   * A random machine for a translator with caches, and one without over a copy of the memory.
   *
   * @param iommu the one that the cached translator belongs to
   * @param early one more without caches, over a second copy
   */
  record CachedSample(
      Iommu iommu,
      Translator cached,
      Translator uncached,
      Translator early,
      TableMemory memory,
      TableMemory copy,
      TableMemory earlyCopy,
      Requests requests) {}

  CachedSample cached(
      long seed,
      CacheOptions options,
      int lastTag,
      Function<GuestMemory, KernelFactory> kernels,
      Arena arena) {
    TableMemory memory;
    TableMemory copy;
    TableMemory earlyCopy;
    Iommu iommu;
    Iommu other;
    Iommu early;
    Requests requests;
    if (this == VTD) {
      RandomVtd random = RandomVtd.generate(seed, arena);
      requests = random;
      memory = random.memory();
      copy = memory.copy(arena);
      earlyCopy = memory.copy(arena);
      boolean rom = random.isSecondRunReadOnly();
      int width = random.hostAddressWidth();
      iommu = Iommu.vtd(Comparison.over(memory, rom), random.registers(), width);
      other = Iommu.vtd(Comparison.over(copy, rom), random.registers(), width);
      early = Iommu.vtd(Comparison.over(earlyCopy, rom), random.registers(), width);
    } else {
      RandomSmmu random = RandomSmmu.generate(seed, arena);
      requests = random;
      memory = random.memory();
      copy = memory.copy(arena);
      earlyCopy = memory.copy(arena);
      iommu = Iommu.smmuv3(Comparison.over(memory), random.registers());
      other = Iommu.smmuv3(Comparison.over(copy), random.registers());
      early = Iommu.smmuv3(Comparison.over(earlyCopy), random.registers());
    }
    Translator cached = iommu.newTranslator(options, lastTag, kernels.apply(iommu.memory()));
    return new CachedSample(
        iommu,
        cached,
        other.newUncachedTranslator(),
        early.newUncachedTranslator(),
        memory,
        copy,
        earlyCopy,
        requests);
  }

  Sample random(long seed, Arena arena) {
    return this == VTD ? randomVtd(seed, arena) : randomSmmu(seed, arena);
  }

  private static Sample randomVtd(long seed, Arena arena) {
    RandomVtd random = RandomVtd.generate(seed, arena);
    TableMemory copy = random.memory().copy(arena);
    boolean rom = random.isSecondRunReadOnly();
    int width = random.hostAddressWidth();
    GuestMemory memory = Comparison.over(random.memory(), rom);
    return new Sample(
        Iommu.vtd(memory, random.registers(), width).newUncachedTranslator(),
        References.vtd(Comparison.over(copy, rom), random.registers(), width),
        random.memory(),
        copy,
        random);
  }

  private static Sample randomSmmu(long seed, Arena arena) {
    RandomSmmu random = RandomSmmu.generate(seed, arena);
    TableMemory copy = random.memory().copy(arena);
    GuestMemory memory = Comparison.over(random.memory());
    return new Sample(
        Iommu.smmuv3(memory, random.registers()).newUncachedTranslator(),
        References.smmuv3(Comparison.over(copy), random.registers()),
        random.memory(),
        copy,
        random);
  }
}
