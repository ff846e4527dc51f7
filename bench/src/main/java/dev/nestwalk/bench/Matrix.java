package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine.Runs;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The scoreboard as a matrix: format and stages x hit, miss or walk x single or batch x access x
 * place of the tables. Each cell is compared with the baseline, which translates one address at a
 * time. A hit reads no table, so it has no place of tables. Targets differ between a run of one
 * mode alone ({@code --only vtd-first/}) and a run of several.
 */
final class Matrix {
  private static final int OPERATIONS = 1 << 16;
  private static final int WALK_PAGES = 256;
  private static final int MISS_PAGES = 1 << 16;
  private static final int HIT_PAGES = 1 << 10;
  private static final int MIXED_PAGES = 1 << 12;
  private static final int FAR_PAGES = 1 << 20;
  private static final int FAR_STRIDE = 8;
  private static final CacheOptions MISSING = CacheOptions.DEFAULT.withIotlb(16, 4);

  /** What a cell measures. A line of the matrix has it in its name. */
  private enum Kind {
    WALK,
    BATCH,
    BATCH_TO_LANES,
    MISS,
    MISS_BATCH,
    HIT,
    HIT_BATCH,
    MIXED_WALK,
    MIXED_BATCH,
    MIXED_MISS,
    FAR_BATCH
  }

  private final Arena arena;
  private final @Nullable NativeBaseline baseline;
  private final String only;
  private final int shrink;
  private final boolean alone;
  private final List<Metric> metrics = new ArrayList<>();

  Matrix(Arena arena, @Nullable NativeBaseline baseline, String only) {
    this(arena, baseline, only, 0);
  }

  /**
   * A matrix of smaller subjects, for tests of what is counted.
   *
   * @param shrink log2 by which misses have fewer pages and addresses
   */
  Matrix(Arena arena, @Nullable NativeBaseline baseline, String only, int shrink) {
    this.arena = arena;
    this.baseline = baseline;
    this.only = only;
    this.shrink = shrink;
    alone = modes() == 1;
  }

  /** The number of modes that have a cell which is wanted. */
  private int modes() {
    int modes = 0;
    for (Workload.Mode mode : Workload.Mode.values()) {
      boolean wanted = false;
      for (Runs runs : Runs.values()) {
        wanted |= wantsAny(mode, runs, Kind.values());
      }
      modes += wanted ? 1 : 0;
    }
    return modes;
  }

  List<Metric> all() {
    for (Workload.Mode mode : Workload.Mode.values()) {
      for (Runs runs : Runs.values()) {
        walks(mode, runs);
        misses(mode, runs);
      }
      hits(mode);
      mixed(mode);
    }
    far(Workload.Mode.VTD_NESTED, NativeBaseline.Loop.VTD_NESTED);
    far(Workload.Mode.SMMUV3_NESTED, NativeBaseline.Loop.SMMUV3_NESTED);
    metrics.removeIf(metric -> !wants(metric.name));
    return metrics;
  }

  private boolean wants(String name) {
    return name.contains(only);
  }

  private boolean wantsAny(Workload.Mode mode, Runs runs, Kind... kinds) {
    for (Kind kind : kinds) {
      for (int access = Access.READ; access <= Access.ATOMIC; access++) {
        if (wants(name(mode, kind, runs, access))) {
          return true;
        }
      }
    }
    return false;
  }

  /** The name of a cell that reads no table. */
  private static String name(Workload.Mode mode, Kind kind, int access) {
    return name(mode, kind, Runs.ONE, access);
  }

  private static String name(Workload.Mode mode, Kind kind, Runs runs, int access) {
    String rights = access == 1 ? "r" : access == 2 ? "w" : "rw";
    return String.join("/", label(mode), label(kind), label(runs), rights);
  }

  private static String label(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** A line: the most that the ratio to the baseline may be, for a mode alone and among others. */
  private Metric add(
      String name, Metric.Body java, Metric.@Nullable Body other, double most, double among) {
    double limit = alone ? most : among;
    Metric metric =
        new Metric(
            name,
            OPERATIONS,
            java,
            other,
            String.format(Locale.ROOT, "<= %.2f x C", limit),
            m -> m.ratio() <= limit);
    metrics.add(metric);
    return metric;
  }

  private void walks(Workload.Mode mode, Runs runs) {
    if (!wantsAny(mode, runs, Kind.WALK, Kind.BATCH, Kind.BATCH_TO_LANES)) {
      return;
    }
    Workload.Built built = Workload.build(mode.plan().pages(WALK_PAGES, 0, 1).runs(runs), arena);
    long[] addresses = built.machine().addresses(1 << 12);
    MemorySegment copy = Subjects.copy(addresses, arena);
    MemorySegment machine = NativeBaseline.machine(built, arena);
    NativeBaseline.Loop loop = NativeBaseline.Loop.valueOf(mode.name());
    boolean nested = mode.isNested();
    for (int access = Access.READ; access <= Access.ATOMIC; access++) {
      int asked = access;
      Endpoint one = checked(built, CacheOptions.NONE, addresses, asked);
      Endpoint many = checked(built, CacheOptions.NONE, addresses, asked);
      long[] answers = new long[addresses.length];
      Metric.Body other = baseline(loop, runs, machine, copy, asked);
      if (other != null
          && other.run(1 << 12) != Subjects.independent(one, addresses, 1 << 12, asked)) {
        throw new IllegalStateException(
            name(mode, Kind.WALK, runs, access) + ": the baseline differs");
      }
      boolean spread = isSpread(runs);
      add(
                  name(mode, Kind.WALK, runs, access),
                  n -> Subjects.independent(one, addresses, n, asked),
                  other,
                  spread ? 1 : nested ? 0.85 : 0.75,
                  spread ? 1 : nested ? 0.9 : 0.95)
              .references =
          references(built, CacheOptions.NONE, addresses, asked, false);
      add(
                  name(mode, Kind.BATCH, runs, access),
                  n -> Subjects.batches(many, addresses, answers, n, asked),
                  other,
                  spread ? 1 : nested ? 0.5 : 0.75,
                  spread ? 1 : nested ? 0.5 : 0.8)
              .references =
          references(built, CacheOptions.NONE, addresses, asked, true);
      if (nested) {
        add(
                    name(mode, Kind.BATCH_TO_LANES, runs, access),
                    n -> Subjects.batches(many, addresses, answers, n, asked),
                    baseline(
                        NativeBaseline.Loop.valueOf(mode.name() + "_LANES"),
                        runs,
                        machine,
                        copy,
                        asked),
                    0.85,
                    0.85)
                .references =
            references(built, CacheOptions.NONE, addresses, asked, true);
      }
    }
  }

  private static boolean isSpread(Runs runs) {
    return runs == Runs.SPREAD || runs == Runs.WINDOWS;
  }

  private Endpoint checked(
      Workload.Built built, CacheOptions options, long[] addresses, int access) {
    Endpoint endpoint = Subjects.endpoint(built.iommu(), options);
    long offset = built.machine().output() - built.machine().input();
    for (long address : addresses) {
      long answer = endpoint.translate(address, access);
      if (Translation.isFault(answer) || Translation.address(answer) != address + offset) {
        throw new IllegalStateException(
            "0x%x: %s".formatted(address, Translation.describe(answer)));
      }
    }
    return endpoint;
  }

  private Metric.@Nullable Body baseline(
      NativeBaseline.Loop loop,
      Runs runs,
      MemorySegment subject,
      MemorySegment addresses,
      int access) {
    NativeBaseline other = baseline;
    int count = runs == Runs.ONE ? 1 : 2;
    return other == null ? null : n -> other.run(loop, count, subject, addresses, n, access);
  }

  private void misses(Workload.Mode mode, Runs runs) {
    if (!wantsAny(mode, runs, Kind.MISS, Kind.MISS_BATCH)) {
      return;
    }
    Workload.Built built =
        Workload.build(mode.plan().pages(MISS_PAGES >> shrink, 0, 1).runs(runs), arena);
    long[] addresses = built.machine().addresses(1 << 18 - shrink);
    MemorySegment copy = Subjects.copy(addresses, arena);
    NativeBaseline.Loop loop = NativeBaseline.Loop.valueOf(mode.name() + "_MISSES");
    boolean nested = mode.isNested();
    boolean spread = isSpread(runs);
    for (int access = Access.READ; access <= Access.WRITE; access++) {
      int asked = access;
      Endpoint one = checked(built, MISSING, addresses, asked);
      Endpoint many = checked(built, MISSING, addresses, asked);
      long[] answers = new long[addresses.length];
      MemorySegment subject = NativeBaseline.shortened(built, MISSING, arena);
      Metric.Body other = baseline(loop, runs, subject, copy, asked);
      long sum = 0;
      for (long address : addresses) {
        sum += one.translate(address, asked);
      }
      if (other != null && other.run(addresses.length) != sum) {
        throw new IllegalStateException(
            name(mode, Kind.MISS, runs, access) + ": the baseline differs");
      }
      add(
                  name(mode, Kind.MISS, runs, access),
                  n -> Subjects.independent(one, addresses, n, asked),
                  other,
                  spread ? 1 : nested ? 0.9 : 0.95,
                  1)
              .afterWholeRound()
              .references =
          references(built, MISSING, addresses, asked, false);
      add(
                  name(mode, Kind.MISS_BATCH, runs, access),
                  n -> Subjects.batches(many, addresses, answers, n, asked),
                  other,
                  spread ? 1 : nested ? 0.75 : 0.95,
                  spread ? 1 : nested ? 0.85 : 1)
              .afterWholeRound()
              .references =
          references(built, MISSING, addresses, asked, true);
    }
  }

  private static double references(
      Workload.Built built, CacheOptions options, long[] addresses, int access, boolean batch) {
    return Subjects.references(built.iommu(), options, addresses, access, batch);
  }

  /** Hits of small pages; the baseline's IOTLB is filled with the answers of the Java side. */
  private void hits(Workload.Mode mode) {
    if (!wantsAny(mode, Runs.ONE, Kind.HIT, Kind.HIT_BATCH)) {
      return;
    }
    CacheOptions options = CacheOptions.DEFAULT;
    Workload.Built built = Workload.build(mode.plan().pages(HIT_PAGES, 0, 1), arena);
    long[] addresses = built.machine().addresses(1 << 14);
    MemorySegment copy = Subjects.copy(addresses, arena);
    long offset = built.machine().output() - built.machine().input();
    MemorySegment cache = NativeBaseline.cache(options.iotlbEntries(), options.iotlbWays(), arena);
    NativeBaseline native1 = baseline;
    if (native1 != null) {
      for (int page = 0; page < HIT_PAGES; page++) {
        long address = built.machine().input() + page * 4096L;
        native1.put(cache, address, address + offset);
      }
    }
    for (int access = Access.READ; access <= Access.WRITE; access++) {
      int asked = access;
      Endpoint one = checked(built, options, addresses, asked);
      Endpoint many = checked(built, options, addresses, asked);
      long[] answers = new long[addresses.length];
      Metric.Body other = baseline(NativeBaseline.Loop.HITS, Runs.ONE, cache, copy, asked);
      if (other != null
          && addressSum(other.run(addresses.length))
              != addressSum(Subjects.independent(one, addresses, addresses.length, asked))) {
        throw new IllegalStateException(name(mode, Kind.HIT, access) + ": the baseline differs");
      }
      add(
                  name(mode, Kind.HIT, access),
                  n -> Subjects.independent(one, addresses, n, asked),
                  other,
                  1.1,
                  1.1)
              .references =
          references(built, options, addresses, asked, false);
      add(
                  name(mode, Kind.HIT_BATCH, access),
                  n -> Subjects.batches(many, addresses, answers, n, asked),
                  other,
                  1.1,
                  1.1)
              .references =
          references(built, options, addresses, asked, true);
    }
  }

  /**
   * Of a sum of answers: what the addresses make of it. The baseline's cache grants more rights.
   */
  private static long addressSum(long sum) {
    return sum & (1L << 52) - 1;
  }

  /** Half of the pages are 2 MiB; compared with small pages alone. */
  private void mixed(Workload.Mode mode) {
    mixed(mode, Kind.MIXED_WALK, CacheOptions.NONE, MIXED_PAGES, false, 1);
    mixed(mode, Kind.MIXED_BATCH, CacheOptions.NONE, MIXED_PAGES, true, 1.5);
    mixed(mode, Kind.MIXED_MISS, MISSING, MISS_PAGES / 4, false, 1.8);
  }

  private void mixed(
      Workload.Mode mode, Kind kind, CacheOptions options, int pages, boolean batch, double most) {
    String name = name(mode, kind, 1);
    if (!wants(name)) {
      return;
    }
    Metric.Body[] bodies = new Metric.Body[2];
    for (int large = 0; large < 2; large++) {
      Workload.Built built = Workload.mixed(mode, pages, 50 * large, arena);
      long[] addresses = built.machine().addresses(1 << 14);
      Endpoint endpoint = checked(built, options, addresses, Access.READ);
      long[] answers = new long[addresses.length];
      bodies[large] =
          batch
              ? n -> Subjects.batches(endpoint, addresses, answers, n, Access.READ)
              : n -> Subjects.independent(endpoint, addresses, n, Access.READ);
    }
    metrics.add(
        new Metric(
                name,
                OPERATIONS,
                bodies[1],
                bodies[0],
                String.format(Locale.ROOT, "<= %.1f x small pages", most),
                m -> m.ratio() <= most)
            .afterWholeRound());
  }

  /**
   * Tables far larger than the processor's caches, in batches; the baseline translates one by one.
   */
  private void far(Workload.Mode mode, NativeBaseline.Loop loop) {
    String name = name(mode, Kind.FAR_BATCH, Runs.ONE, 1);
    if (!wants(name)) {
      return;
    }
    Workload.Built built = Workload.build(mode, FAR_PAGES, FAR_STRIDE, arena);
    long[] addresses = built.machine().addresses(1 << 20);
    Endpoint many = checked(built, CacheOptions.NONE, addresses, Access.READ);
    long[] answers = new long[addresses.length];
    MemorySegment copy = Subjects.copy(addresses, arena);
    add(
        name,
        n -> Subjects.batches(many, addresses, answers, n, Access.READ),
        baseline(loop, Runs.ONE, NativeBaseline.machine(built, arena), copy, Access.READ),
        0.2,
        0.2);
  }
}
