package dev.nestwalk.walk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.iotlb.Noted;
import dev.nestwalk.iotlb.StructureCaches;
import dev.nestwalk.iotlb.TagCounter;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.CountingMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuPlan;
import dev.nestwalk.smmu.SmmuWalker;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdPlan;
import dev.nestwalk.vtd.VtdWalker;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Kernels over a machine, beside the walkers that know every rule. */
final class KernelLab {
  static final int WIDTH = 46;

  final MappedMachine machine;
  final GuestMemory memory;
  final CachedPlan plan;
  final Tables tables;
  final Reference reference;
  private final Full full;

  /** The full walk with the configuration at hand. */
  private interface Full {
    long walk(long iova, int access);
  }

  KernelLab(MappedPlan what, Arena arena) {
    this(what, arena, false);
  }

  KernelLab(MappedPlan what, Arena arena, boolean watched) {
    this(what, new MappedMachine(what, arena), watched);
  }

  private KernelLab(MappedPlan what, MappedMachine machine, boolean watched) {
    this(what, machine, ofRuns(machine, watched));
  }

  /** A machine whose memory is also in {@code memory}. */
  KernelLab(MappedPlan what, MappedMachine machine, GuestMemory memory) {
    this.machine = machine;
    this.memory = memory;
    if (what.vtd()) {
      VtdPlan resolved = new VtdPlan();
      VtdConfig config = VtdConfig.of(machine.registers(), WIDTH);
      VtdWalker walker = new VtdWalker(config, memory);
      if (!walker.resolve(resolved, MappedMachine.SOURCE, -1)) {
        throw new AssertionError(what + " has no configuration");
      }
      full = (iova, access) -> walker.walk(resolved, MappedMachine.SOURCE, -1, iova, access);
      plan = resolved;
      tables = resolved.tables();
      reference = References.vtd(memory, machine.registers(), WIDTH);
    } else {
      SmmuPlan resolved = new SmmuPlan();
      SmmuConfig config = SmmuConfig.of(machine.registers());
      SmmuWalker walker = new SmmuWalker(config, memory);
      if (!walker.resolve(resolved, MappedMachine.SOURCE, -1)) {
        throw new AssertionError(what + " has no configuration");
      }
      full = (iova, access) -> walker.walk(resolved, MappedMachine.SOURCE, -1, iova, access);
      plan = resolved;
      tables = resolved.tables();
      reference = References.smmuv3(memory, machine.registers());
    }
  }

  private static GuestMemory ofRuns(MappedMachine machine, boolean watched) {
    GuestMemory.Builder builder = GuestMemory.builder();
    for (TableMemory.Run run : machine.memory().runs()) {
      builder.window(run.first(), run.whole(), run.start(), run.bytes().byteSize());
    }
    return watched ? new CountingMemory(builder) : builder.build();
  }

  /** The memory of a machine. */
  static GuestMemory writable(MappedMachine machine) {
    return ofRuns(machine, false);
  }

  /** The memory of a machine, in which nobody sets flags. */
  static GuestMemory readOnly(MappedMachine machine) {
    return ofRuns(machine, false).asReadOnly();
  }

  /**
   * A bench whose caches lie in the memory that all caches share, as kernels want them that walk
   * side by side. Where other tests have left that full, theirs are collected first.
   */
  Bench inTheRoom(CacheOptions options, boolean specialised) throws InterruptedException {
    return inTheRoom(options, specialised, null);
  }

  Bench inTheRoom(CacheOptions options, boolean specialised, @Nullable Barrier barrier)
      throws InterruptedException {
    for (int tries = 0; tries < 500; tries++) {
      Bench bench = new Bench(options, factory(specialised), barrier);
      if (isPooled(bench.iotlb)
          && isPooled(bench.structures.first)
          && isPooled(bench.structures.second)) {
        return specialised ? bench : bench.unspecialised();
      }
      System.gc();
      Thread.sleep(2);
    }
    throw new AssertionError("no room for caches although nobody uses it");
  }

  private static boolean isPooled(@Nullable TranslationCache cache) {
    return cache == null || cache.isPooled();
  }

  private KernelFactory factory(boolean specialised) {
    return specialised ? TemplatesInForce.factory(memory) : new KernelFactory(memory);
  }

  long walk(long iova, int access) {
    return full.walk(iova, access);
  }

  /** Where the entry of the first stage is that maps an address. */
  long leafOfFirst(long iova) {
    return reference.translate(MappedMachine.SOURCE, -1, iova, Access.READ).steps().stream()
        .filter(step -> step.stage() == 1 && step.read().size() == 1)
        .map(Step::host)
        .reduce((one, other) -> other)
        .orElseThrow();
  }

  /** Where the last entry is that a walk of an address reads. */
  long leaf(long iova) {
    return reference.translate(MappedMachine.SOURCE, -1, iova, Access.READ).steps().stream()
        .filter(step -> step.stage() > 0 && step.read().size() == 1)
        .reduce((one, other) -> other)
        .orElseThrow()
        .host();
  }

  /** Log2 of the page by which the first stage maps an address. */
  int inputSpan(long iova) {
    List<Step> steps = reference.translate(MappedMachine.SOURCE, -1, iova, Access.READ).steps();
    int level =
        steps.stream()
            .filter(step -> step.stage() == 1 && step.read().size() == 1)
            .reduce((one, other) -> other)
            .orElseThrow()
            .level();
    return tables.first().shift(plan instanceof VtdPlan ? level - 1 : 3 - level);
  }

  /** A kernel with caches of its own, under fresh tags. */
  final class Bench {
    final CacheOptions options;
    final StructureCaches structures;
    final @Nullable TranslationCache iotlb;
    final AddressSpaces spaces;
    final AddressSpace space;
    final @Nullable AddressSpace second;
    final Kernel kernel;
    private final KernelFactory factory;
    private final WalkCaches caches;
    private final @Nullable Barrier barrier;

    Bench(CacheOptions options, boolean specialised) {
      this(options, factory(specialised), null);
    }

    Bench(CacheOptions options, KernelFactory factory, @Nullable Barrier barrier) {
      this.options = options;
      structures = new StructureCaches(options);
      iotlb =
          options.iotlbEntries() == 0
              ? null
              : new TranslationCache(options.iotlbEntries(), options.iotlbWays());
      TranslationCache some = iotlb == null ? new TranslationCache(2, 1) : iotlb;
      TagCounter counter = new TagCounter();
      spaces = new AddressSpaces(new InvalidationLog(), some, structures, counter, List.of());
      space = spaces.of(plan, 0);
      second = plan.usesSecond() ? spaces.secondOf(plan) : null;
      spaces.freshen(space);
      if (second != null) {
        // Its tag differs in its upper bits too.
        Noted.skipLowTags(counter);
        spaces.freshen(second);
      }
      caches = new WalkCaches(iotlb, structures, new WalkCounters(), options.counting());
      this.factory = factory;
      this.barrier = barrier;
      kernel = another();
    }

    /** One more kernel with the same caches, which remembers nothing of groups that it refused. */
    Kernel another() {
      return another(tables);
    }

    /** One for other tables. */
    Kernel another(Tables tables) {
      return factory.kernel(tables, caches, space, second, barrier, null);
    }

    /** Goes on without a class of its own, however much it works. */
    Bench unspecialised() {
      for (int i = 0; i < 30; i++) {
        kernel.rest();
      }
      return this;
    }

    /** What everything was before the first translation. */
    void forget() {
      structures.clear();
      if (iotlb != null) {
        iotlb.clear();
      }
    }
  }
}
