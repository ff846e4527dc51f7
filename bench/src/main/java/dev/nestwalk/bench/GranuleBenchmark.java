package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.fixtures.MappedPlan;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does a miss cost under nested translation with each granule of the guest over each of the
 * host? The last tables of both stages are in the page-walk caches. A guest's table that is larger
 * than a page of the host is there in pieces.
 */
public class GranuleBenchmark extends TimedPerCall {
  private static final int PAGES = 16_384;

  /** Distance of two addresses: one page of the largest granule. */
  private static final int STRIDE = 16;

  /** Log2 of the guest's granule. */
  @Param({"12", "14", "16"})
  public int guest = 12;

  /** Log2 of the host's granule. */
  @Param({"12", "14", "16"})
  public int host = 12;

  private final Arena arena = Arena.ofConfined();
  private Run run = Run.NONE;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    run = of(guest, host, arena);
  }

  static Run of(int guest, int host, Arena arena) {
    MappedPlan plan =
        MappedPlan.of(false, true, true)
            .stage1(guest, start(guest), bits(guest))
            .stage2(host, start(host), bits(host))
            .pages(PAGES, 0, STRIDE);
    CacheOptions tables = CacheOptions.NONE.withStructures(1024, 1024, 0);
    return Run.of(Workload.build(plan, arena), PAGES, STRIDE, tables);
  }

  private static int start(int granule) {
    return granule == 12 ? 0 : 1;
  }

  private static int bits(int granule) {
    return granule == 14 ? 47 : 48;
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  /** One walk. */
  @Benchmark
  public long walk() {
    return run.translate();
  }
}
