package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does a miss cost, with tables from the size of L1 to far beyond L3, and how much do the
 * page-walk caches save?
 */
public class WorkingSetBenchmark extends TimedPerCall {
  /** What translates. */
  @Param({
    "VTD_FIRST",
    "VTD_SECOND",
    "VTD_NESTED",
    "SMMUV3_STAGE1",
    "SMMUV3_STAGE2",
    "SMMUV3_NESTED"
  })
  public String mode = "VTD_NESTED";

  /** Pages in use; from 1048576 on each page's leaf entries have their own cache lines. */
  @Param({"256", "16384", "65536", "1048576"})
  public int pages = 65536;

  /** Entries of each page-walk cache; 0 for none. */
  @Param({"0", "1024"})
  public int structures = 1024;

  private final Arena arena = Arena.ofConfined();
  private Run run = Run.NONE;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    run =
        Run.of(
            mode,
            pages,
            pages < 1 << 20 ? 1 : 8,
            CacheOptions.NONE.withStructures(structures, structures, 0),
            arena);
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
