package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** The metrics of the scoreboard with their targets. */
final class Metrics {
  private static final int HIT_OPERATIONS = 1 << 21;
  private static final int WALK_OPERATIONS = 1 << 17;
  private static final int HIT_PAGES = 1024;
  private static final int WALK_PAGES = 256;
  private static final int MISS_PAGES = 1 << 16;
  private static final int ENDPOINTS = 1024;

  // Every leaf entry has its own cache line: 64 MiB of them per stage.
  private static final int FAR_PAGES = 1 << 20;
  private static final int FAR_STRIDE = 8;
  private static final int NESTED_LOADS = 24;
  private static final int THREAD_OPERATIONS = HIT_OPERATIONS * 16;
  private static final String ONE_ENDPOINT = "iotlb-hit-1-endpoint";
  private static final String ONE_K = "iotlb-hit-1024-endpoints";

  private final Arena arena;
  private final @Nullable NativeBaseline baseline;
  private final String only;
  private final List<Metric> metrics = new ArrayList<>();

  /** The metrics whose name contains {@code only}; nothing is built for the others. */
  Metrics(Arena arena, @Nullable NativeBaseline baseline, String only) {
    this.arena = arena;
    this.baseline = baseline;
    this.only = only;
  }

  private boolean wants(String... names) {
    for (String name : names) {
      if (name.contains(only)) {
        return true;
      }
    }
    return false;
  }

  List<Metric> all() {
    if (wants(
        "iotlb-hit-independent", "iotlb-hit-dependent", "batch-of-hits", "iotlb-hit-restricted")) {
      hits();
    }
    if (wants(ONE_ENDPOINT, ONE_K)) {
      manyEndpoints();
    }
    if (wants("chain-of-24-loads", "nested-walk-vtd", "nested-walk-smmuv3")) {
      Metric chain = chain();
      nested("nested-walk-vtd", Workload.Mode.VTD_NESTED, NativeBaseline.Loop.VTD_NESTED, chain);
      nested(
          "nested-walk-smmuv3",
          Workload.Mode.SMMUV3_NESTED,
          NativeBaseline.Loop.SMMUV3_NESTED,
          chain);
    }
    singleStage();
    batches();
    miss("nested-miss-vtd", Workload.Mode.VTD_NESTED, false, false);
    miss("nested-miss-vtd-restricted", Workload.Mode.VTD_NESTED, true, false);
    miss("nested-miss-smmuv3", Workload.Mode.SMMUV3_NESTED, false, false);
    miss("nested-miss-batch-vtd", Workload.Mode.VTD_NESTED, false, true);
    miss("nested-miss-batch-smmuv3", Workload.Mode.SMMUV3_NESTED, false, true);
    unkept("nested-miss-unkept-vtd", Workload.Mode.VTD_NESTED, false);
    unkept("nested-miss-unkept-smmuv3", Workload.Mode.SMMUV3_NESTED, false);
    unkept("nested-miss-unkept-batch-vtd", Workload.Mode.VTD_NESTED, true);
    unkept("nested-miss-unkept-batch-smmuv3", Workload.Mode.SMMUV3_NESTED, true);
    if (wants("invalidate-domain", "invalidate-pasid", "invalidate-everything")) {
      invalidations();
    }
    if (wants("one-thread", "two-threads")) {
      threads();
    }
    metrics.removeIf(metric -> !metric.name.contains(only));
    return metrics;
  }

  private Metric add(Metric metric) {
    metrics.add(metric);
    return metric;
  }

  private Metric.@Nullable Body baseline(
      NativeBaseline.Loop loop, MemorySegment subject, MemorySegment addresses) {
    NativeBaseline native1 = baseline;
    return native1 == null
        ? null
        : operations -> native1.run(loop, subject, addresses, operations, 1);
  }

  private void hits() {
    CacheOptions options = CacheOptions.DEFAULT;
    Workload.Built built = Workload.build(Workload.Mode.VTD_NESTED, HIT_PAGES, 1, arena);
    long[] addresses = Subjects.addresses(Subjects.ADDRESSES, HIT_PAGES, 1);
    MemorySegment copy = Subjects.copy(addresses, arena);
    Endpoint endpoint = Subjects.checked(Subjects.endpoint(built.iommu(), options), addresses);
    MemorySegment cache = NativeBaseline.cache(options.iotlbEntries(), options.iotlbWays(), arena);
    if (baseline != null) {
      for (int page = 0; page < HIT_PAGES; page++) {
        baseline.put(cache, Workload.INPUT + page * 4096L, Workload.OUTPUT + page * 4096L);
      }
    }
    Metric one =
        add(
            new Metric(
                "iotlb-hit-independent",
                HIT_OPERATIONS,
                n -> Subjects.independent(endpoint, addresses, n),
                baseline(NativeBaseline.Loop.HITS, cache, copy),
                "<= 2.0 ns, ratio <= 1.1",
                m -> m.javaNanos() <= 2.0 && m.ratio() <= 1.1));
    add(
        new Metric(
            "iotlb-hit-dependent",
            HIT_OPERATIONS,
            n -> Subjects.dependent(endpoint, addresses, n),
            baseline(NativeBaseline.Loop.DEPENDENT_HITS, cache, copy),
            "<= 4 ns, ratio <= 1.2",
            m -> m.javaNanos() <= 4 && m.ratio() <= 1.2));
    Workload.Built other = Workload.build(Workload.Mode.VTD_NESTED, HIT_PAGES, 1, arena);
    restrict(other.iommu());
    Endpoint restricted = Subjects.checked(Subjects.endpoint(other.iommu(), options), addresses);
    add(
        new Metric(
            "iotlb-hit-restricted",
            HIT_OPERATIONS,
            n -> Subjects.independent(restricted, addresses, n),
            null,
            "<= 1.02 x unrestricted",
            m -> m.javaNanos() <= 1.02 * one.javaNanos()));
    long[] answers = new long[addresses.length];
    add(
        new Metric(
            "batch-of-hits",
            HIT_OPERATIONS,
            n -> {
              for (int done = 0; done < n; done += addresses.length) {
                endpoint.translate(addresses, answers, 0, addresses.length, Access.READ);
              }
              return answers[n & addresses.length - 1];
            },
            baseline(NativeBaseline.Loop.HITS, cache, copy),
            "<= 2.5 ns (400 million/s)",
            m -> m.javaNanos() <= 2.5));
  }

  /** Restricts a requester as a tracker would: the interrupt window and a hole. */
  private static void restrict(Iommu iommu) {
    Region hole = new Region(0xfd_0000_0000L, 0xff_ffff_ffffL, RegionKind.RESERVED);
    iommu.restrict(
        Workload.SOURCE, -1, RegionSet.of(List.of(Region.X86_MSI, hole)), RegionSet.EMPTY);
  }

  /** The lower bound: as many dependent loads as a 4x4 walk has, within 64 KiB. */
  private Metric chain() {
    int words = 1 << 13;
    int[] order = new Random(7).ints(0, Integer.MAX_VALUE).limit(words).toArray();
    Integer[] ring = new Integer[words];
    for (int i = 0; i < words; i++) {
      ring[i] = i;
    }
    java.util.Arrays.sort(ring, (a, b) -> Integer.compare(order[a], order[b]));
    MemorySegment memory = arena.allocate(words * 8L, 64);
    for (int i = 0; i < words; i++) {
      memory.setAtIndex(ValueLayout.JAVA_LONG, ring[i], ring[(i + 1) % words]);
    }
    NativeBaseline other = baseline;
    return add(
        new Metric(
            "chain-of-24-loads",
            WALK_OPERATIONS,
            n -> chase(memory, n),
            other == null ? null : n -> other.chain(memory, n, NESTED_LOADS),
            "the floor of a nested walk",
            m -> true));
  }

  private static long chase(MemorySegment ring, int operations) {
    long at = 0;
    for (int i = 0; i < operations; i++) {
      for (int j = 0; j < NESTED_LOADS; j++) {
        at = ring.getAtIndex(ValueLayout.JAVA_LONG, at);
      }
    }
    return at;
  }

  private void nested(String name, Workload.Mode mode, NativeBaseline.Loop loop, Metric chain) {
    if (!wants(name)) {
      return;
    }
    Metric walk =
        walk(
            name,
            mode,
            loop,
            "ratio <= 1.05, <= 2 x chain",
            m ->
                m.ratio() <= 1.05
                    && m.javaNanos()
                        <= 2 * (chain.nativeNanos() > 0 ? chain.nativeNanos() : chain.javaNanos()));
    add(walk);
  }

  private void singleStage() {
    String name = "single-stage-walk-vtd";
    if (!wants(name)) {
      return;
    }
    add(
        walk(
            name,
            Workload.Mode.VTD_SECOND,
            NativeBaseline.Loop.VTD_SECOND,
            "ratio <= 1.4",
            m -> m.ratio() <= 1.4));
  }

  private Metric walk(
      String name,
      Workload.Mode mode,
      NativeBaseline.Loop loop,
      String target,
      Metric.Target condition) {
    Workload.Built built = Workload.build(mode, WALK_PAGES, 1, arena);
    long[] addresses = Subjects.addresses(1 << 12, WALK_PAGES, 1);
    Endpoint endpoint =
        Subjects.checked(Subjects.endpoint(built.iommu(), CacheOptions.NONE), addresses);
    MemorySegment copy = Subjects.copy(addresses, arena);
    MemorySegment machine = NativeBaseline.machine(built, arena);
    NativeBaseline other = baseline;
    if (other != null) {
      long mine = Subjects.independent(endpoint, addresses, 1 << 12);
      long its = other.run(loop, machine, copy, 1 << 12, 1);
      if (mine != its) {
        throw new IllegalStateException(name + ": the baseline's answers differ");
      }
    }
    Metric metric =
        new Metric(
            name,
            WALK_OPERATIONS,
            n -> Subjects.independent(endpoint, addresses, n),
            baseline(loop, machine, copy),
            target,
            condition);
    metric.references =
        Subjects.references(built.iommu(), CacheOptions.NONE, addresses, Access.READ, false);
    return metric;
  }

  private void batches() {
    batch(
        "single-stage-batch-vtd",
        Workload.Mode.VTD_SECOND,
        NativeBaseline.Loop.VTD_SECOND,
        false,
        1.4);
    batch(
        "nested-batch-vtd", Workload.Mode.VTD_NESTED, NativeBaseline.Loop.VTD_NESTED, false, 1.05);
    batch(
        "nested-batch-smmuv3",
        Workload.Mode.SMMUV3_NESTED,
        NativeBaseline.Loop.SMMUV3_NESTED,
        false,
        1.05);
    batch(
        "far-nested-batch-vtd",
        Workload.Mode.VTD_NESTED,
        NativeBaseline.Loop.VTD_NESTED,
        true,
        1 / 3.0);
    batch(
        "far-nested-batch-smmuv3",
        Workload.Mode.SMMUV3_NESTED,
        NativeBaseline.Loop.SMMUV3_NESTED,
        true,
        1 / 3.0);
  }

  /** Walks in batches, caches off, beside the baseline's one by one. */
  private void batch(
      String name, Workload.Mode mode, NativeBaseline.Loop loop, boolean far, double ratio) {
    if (!wants(name)) {
      return;
    }
    int pages = far ? FAR_PAGES : WALK_PAGES;
    int stride = far ? FAR_STRIDE : 1;
    Workload.Built built = Workload.build(mode, pages, stride, arena);
    long[] addresses = Subjects.addresses(far ? 1 << 20 : 1 << 12, pages, stride);
    Endpoint endpoint = Subjects.endpoint(built.iommu(), CacheOptions.NONE);
    Subjects.checkedInBatch(endpoint, addresses);
    MemorySegment copy = Subjects.copy(addresses, arena);
    MemorySegment machine = NativeBaseline.machine(built, arena);
    long[] answers = new long[addresses.length];
    Metric metric =
        new Metric(
            name,
            WALK_OPERATIONS,
            n -> Subjects.batches(endpoint, addresses, answers, n),
            baseline(loop, machine, copy),
            far ? "ratio <= 0.33 (3 x faster)" : "ratio <= %.2f".formatted(ratio),
            m -> m.ratio() <= ratio);
    metric.references =
        Subjects.references(built.iommu(), CacheOptions.NONE, addresses, Access.READ, true);
    add(metric);
  }

  /** Endpoints that take turns, and the same loop with one of them alone. */
  private void manyEndpoints() {
    Workload.Built built = Workload.build(Workload.Mode.VTD_NESTED, HIT_PAGES, 1, ENDPOINTS, arena);
    long[] addresses = Subjects.addresses(Subjects.ADDRESSES, HIT_PAGES, 1);
    // Entry i belongs to endpoint i mod 1024 in every round, so each endpoint has a page.
    Endpoint[] endpoints =
        Subjects.endpoints(
            built.iommu().newTranslator(CacheOptions.DEFAULT.withIotlb(1 << 16, 4)), ENDPOINTS);
    long[] few = java.util.Arrays.copyOf(addresses, ENDPOINTS);
    Endpoint[] alone = {endpoints[0]};
    Subjects.checked(alone[0], few);
    for (int i = 0; i < ENDPOINTS; i++) {
      Subjects.checked(endpoints[i], new long[] {few[i]});
    }
    Metric one =
        add(
            new Metric(
                ONE_ENDPOINT,
                HIT_OPERATIONS,
                n -> Subjects.interleaved(alone, few, n),
                null,
                "reference of 1,024",
                m -> true));
    add(
        new Metric(
            ONE_K,
            HIT_OPERATIONS,
            n -> Subjects.interleaved(endpoints, few, n),
            null,
            "<= 1.5 x one endpoint",
            m -> m.javaNanos() <= 1.5 * one.javaNanos()));
  }

  /** Random small pages that miss the IOTLB; the page-walk caches hold their tables. */
  private void miss(String name, Workload.Mode mode, boolean restricted, boolean batch) {
    if (!wants(name)) {
      return;
    }
    Workload.Built built = Workload.build(mode, MISS_PAGES, 1, arena);
    if (restricted) {
      restrict(built.iommu());
    }
    CacheOptions options = CacheOptions.DEFAULT.withIotlb(16, 4);
    // The baseline does not support reserved regions.
    Metric.@Nullable Body other =
        restricted ? null : shortenedTwin(built, loop(mode, "_MISSES"), options);
    miss(name, built.iommu(), options, batch, other);
  }

  /** A translator without an IOTLB to probe and fill: the walks of misses alone. */
  private void unkept(String name, Workload.Mode mode, boolean batch) {
    if (wants(name)) {
      Workload.Built built = Workload.build(mode, MISS_PAGES, 1, arena);
      CacheOptions options = CacheOptions.DEFAULT.withIotlb(0, 1);
      Metric.@Nullable Body other = shortenedTwin(built, loop(mode, "_UNKEPT"), options);
      miss(name, built.iommu(), options, batch, other);
    }
  }

  private void miss(
      String name, Iommu iommu, CacheOptions options, boolean batch, Metric.@Nullable Body other) {
    long[] addresses = missing();
    Endpoint endpoint = Subjects.checked(Subjects.endpoint(iommu, options), addresses);
    long[] answers = new long[addresses.length];
    Metric metric =
        new Metric(
                name,
                WALK_OPERATIONS,
                batch
                    ? n -> Subjects.batches(endpoint, addresses, answers, n)
                    : n -> Subjects.independent(endpoint, addresses, n),
                other,
                "<= 15 ns, <= 2.5 references",
                m -> m.javaNanos() <= 15 && m.references <= 2.5)
            .afterWholeRound();
    metric.references = Subjects.references(iommu, options, addresses, Access.READ, batch);
    add(metric);
  }

  private static long[] missing() {
    return Subjects.addresses(1 << 18, MISS_PAGES, 1);
  }

  private static NativeBaseline.Loop loop(Workload.Mode mode, String kind) {
    return NativeBaseline.Loop.valueOf(mode.name() + kind);
  }

  private Metric.@Nullable Body shortenedTwin(
      Workload.Built built, NativeBaseline.Loop loop, CacheOptions options) {
    NativeBaseline other = baseline;
    if (other == null) {
      return null;
    }
    long[] addresses = missing();
    MemorySegment subject = NativeBaseline.shortened(built, options, arena);
    MemorySegment copy = Subjects.copy(addresses, arena);
    long expected = 0;
    for (long address : addresses) {
      expected += Translation.ok(address - Workload.INPUT + Workload.OUTPUT, 12, Access.ATOMIC);
    }
    if (other.run(loop, subject, copy, addresses.length, 1) != expected) {
      throw new IllegalStateException("the baseline's shortened walks differ: " + loop);
    }
    return baseline(loop, subject, copy);
  }

  private void invalidations() {
    Workload.Built built = Workload.build(Workload.Mode.VTD_NESTED, HIT_PAGES, 1, arena);
    Translator translator = built.iommu().newTranslator(CacheOptions.DEFAULT.withIotlb(1 << 20, 4));
    Endpoint endpoint = translator.endpoint(Workload.SOURCE, -1);
    Subjects.checked(endpoint, Subjects.addresses(Subjects.ADDRESSES, HIT_PAGES, 1));
    Iommu iommu = built.iommu();
    invalidation("invalidate-domain", translator, () -> iommu.vtdInvalidations().iotlbDomain(1));
    invalidation("invalidate-pasid", translator, () -> iommu.vtdInvalidations().pasidIotlb(1, 0));
    invalidation("invalidate-everything", translator, () -> iommu.vtdInvalidations().iotlbGlobal());
  }

  private void invalidation(String name, Translator translator, Runnable request) {
    add(
        new Metric(
            name,
            WALK_OPERATIONS,
            n -> {
              for (int i = 0; i < n; i++) {
                request.run();
                translator.poll();
              }
              return n;
            },
            null,
            "<= 30 ns",
            m -> m.javaNanos() <= 30));
  }

  private void threads() {
    Workload.Built built = Workload.build(Workload.Mode.VTD_NESTED, HIT_PAGES, 1, arena);
    long[] addresses = Subjects.addresses(Subjects.ADDRESSES, HIT_PAGES, 1);
    TwoThreads pair = new TwoThreads(built.iommu(), addresses);
    Metric single =
        new Metric("one-thread", THREAD_OPERATIONS, pair::one, null, "reference of two", m -> true);
    add(single);
    add(
        new Metric(
            "two-threads",
            THREAD_OPERATIONS,
            pair::two,
            null,
            ">= 1.9 x one thread",
            m -> single.javaNanos() / m.javaNanos() >= 1.9));
  }
}
