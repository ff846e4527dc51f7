package dev.nestwalk.walk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.InvalidationLog;
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

  long walk(long iova, int access) {
    return full.walk(iova, access);
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

    Bench(CacheOptions options, boolean specialised) {
      this(
          options,
          specialised ? TemplatesInForce.factory(memory) : new KernelFactory(memory),
          null);
    }

    Bench(CacheOptions options, KernelFactory factory, @Nullable Barrier barrier) {
      this.options = options;
      structures = new StructureCaches(options);
      iotlb =
          options.iotlbEntries() == 0
              ? null
              : new TranslationCache(options.iotlbEntries(), options.iotlbWays());
      TranslationCache some = iotlb == null ? new TranslationCache(2, 1) : iotlb;
      spaces =
          new AddressSpaces(new InvalidationLog(), some, structures, new TagCounter(), List.of());
      space = spaces.of(plan, 0);
      second = plan.usesSecond() ? spaces.secondOf(plan) : null;
      spaces.freshen(space);
      if (second != null) {
        spaces.freshen(second);
      }
      WalkCaches caches = new WalkCaches(iotlb, structures, new WalkCounters(), options.counting());
      kernel = factory.kernel(tables, caches, space, second, barrier, null);
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
