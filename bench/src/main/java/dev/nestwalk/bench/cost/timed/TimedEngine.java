package dev.nestwalk.bench.cost.timed;

import dev.nestwalk.Iommu;
import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.Environment;
import dev.nestwalk.bench.cost.Geometry;
import dev.nestwalk.bench.cost.Workload;
import dev.nestwalk.bench.cost.model.TenantTables;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Times the product's translator on a workload's stream. The translator's caches have their own
 * replacement policy: only entries and ways of a cell's geometries are used, and caches that the
 * translator does not have (context, PASID, device TLB) are left out.
 *
 * <p>Throughput is timed over stretches between changes of tables, in rounds that begin with cold
 * caches. A separate round times every translation; its latencies include the clock, whose cost is
 * reported as {@code clock.ns}. References are counted in another round by the same kernel with its
 * counters on.
 */
public final class TimedEngine {
  private static final int WARM = 40;
  private static final long WARM_NANOS = 3_000_000_000L;

  /** One less than a multiple of four, so that quartiles are rounds. */
  private static final int ROUNDS = 15;

  private static final long LONGEST = 1_000_000_000;
  private static final int MOST_WAYS = 16;
  private static final int CLOCK_READS = 20_000;

  /**
   * Runs a cell.
   *
   * @throws IllegalArgumentException in one line if the cell contradicts itself or its tables need
   *     more than 2 GiB
   */
  public static CellResult run(Cell cell, Workload workload) {
    return TenantTables.growing(
        cell, tables -> run(cell, Recording.of(cell, workload, tables), tables));
  }

  private static CellResult run(Cell cell, Recording recording, TenantTables tables) {
    Iommu iommu = tables.iommu();
    CacheOptions options = options(cell);
    Playback playback = new Playback(recording, tables, iommu, options);
    long begin = System.nanoTime();
    for (int i = 0; i < WARM && System.nanoTime() - begin < WARM_NANOS; i++) {
      round(playback, null);
    }
    long translations = (long) recording.size() - recording.begin();
    double[] nanos = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      round(playback, null);
      nanos[i] = translations == 0 ? 0 : (double) playback.nanos() / translations;
    }
    Arrays.sort(nanos);
    double median = nanos[ROUNDS / 2];
    Map<String, Double> figures = new TreeMap<>();
    figures.put("translate.ns", median);
    double low = nanos[ROUNDS / 4];
    double high = nanos[ROUNDS - 1 - ROUNDS / 4];
    figures.put("translate.spread", median == 0 ? 0 : (high - low) / median);
    figures.put("translate.low.ns", low);
    figures.put("translate.high.ns", high);
    figures.put("translate.rounds", (double) ROUNDS);
    figures.put("throughput.mops", median == 0 ? 0 : 1e3 / median);
    figures.put("packet.ns", median * translations / Math.max(1, recording.requests()));
    figures.put("clock.ns", clock());
    Histogram latencies = new Histogram(1, LONGEST, 3);
    round(playback, latencies);
    latencies.reset();
    round(playback, latencies);
    figures.put("allocated.bytes", (double) playback.allocated());
    playback.reset();
    Playback counting = new Playback(recording, tables, iommu, options.withCounters());
    round(counting, null);
    return new CellResult(
        cell,
        counts(recording, counting),
        Map.of("translate.ns", latencies),
        figures,
        Environment.manifest());
  }

  private static void round(Playback playback, @Nullable Histogram latencies) {
    playback.reset();
    playback.run(latencies);
  }

  private static Counts counts(Recording recording, Playback counting) {
    CacheCounters counters = counting.translator().counters();
    Map<String, Long> counts = new TreeMap<>();
    counts.put("access", (long) recording.size() - recording.begin());
    counts.put("request", (long) recording.requests());
    counts.put("bytes", recording.payload());
    counts.put("fault", counting.faults());
    counts.put("iotlb.hit", counters.hits());
    counts.put("iotlb.miss", counters.misses());
    counts.put("ref", counters.references());
    counts.put("pwc1.hit", counters.firstStageHits());
    counts.put("pwc2.hit", counters.secondStageHits());
    counts.put("ntlb.hit", counters.nestedHits());
    counts.put("invalidate.page", counting.pageInvalidations());
    counts.put("invalidate.all", counting.flushes());
    return Counts.of(counts);
  }

  /** The product's caches, with entries and ways of the cell's. */
  static CacheOptions options(Cell cell) {
    Geometry iotlb = cell.geometry(Axis.IOTLB);
    CacheOptions options = CacheOptions.NONE;
    if (iotlb.exists()) {
      options = options.withIotlb(Math.max(2, iotlb.entries()), Math.min(MOST_WAYS, iotlb.ways()));
    }
    return options.withStructures(
        entries(cell, Axis.PWC1), entries(cell, Axis.PWC2), entries(cell, Axis.NTLB));
  }

  private static int entries(Cell cell, Axis axis) {
    int entries = cell.geometry(axis).entries();
    return entries == 1 ? 2 : entries;
  }

  /** Median of what two reads of the clock lie apart, in nanoseconds. */
  static double clock() {
    long[] apart = new long[CLOCK_READS];
    for (int i = 0; i < apart.length; i++) {
      long start = System.nanoTime();
      apart[i] = System.nanoTime() - start;
    }
    Arrays.sort(apart);
    return apart[apart.length / 2];
  }

  private TimedEngine() {}
}
