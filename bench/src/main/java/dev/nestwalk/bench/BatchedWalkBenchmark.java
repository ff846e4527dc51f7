package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does a walk cost in a batch, without caches, with tables from the size of L1 to far beyond
 * L3?
 */
public class BatchedWalkBenchmark extends TimedPerCall {
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
  @Param({"256", "65536", "1048576"})
  public int pages = 256;

  /** Addresses per call; the time is that of one call. */
  @Param({"1", "16", "1024"})
  public int batch = 1024;

  private long[] answers = {};
  private int from;

  private final Arena arena = Arena.ofConfined();
  private Run run = Run.NONE;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    run = Run.of(mode, pages, pages < 1 << 20 ? 1 : 8, CacheOptions.NONE, arena);
    answers = new long[run.addresses.length];
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  /** One call. */
  @Benchmark
  public int walks() {
    from = from + batch & answers.length - 1;
    return run.endpoint.translate(run.addresses, answers, from, batch, Access.READ);
  }
}
