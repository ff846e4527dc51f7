package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** What does an IOTLB hit cost, one by one and in batches? */
public class WarmIotlbBenchmark extends TimedPerCall {
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

  /** Pages in use; the IOTLB has four times as many entries. */
  @Param({"64", "1024", "65536"})
  public int pages = 1024;

  /** Entries per set. */
  @Param({"1", "4"})
  public int ways = 4;

  private long[] answers = {};

  private final Arena arena = Arena.ofConfined();
  private Run run = Run.NONE;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    run = Run.of(mode, pages, 1, CacheOptions.DEFAULT.withIotlb(4 * pages, ways), arena);
    answers = new long[run.addresses.length];
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  /** One translation; addresses do not depend on answers. */
  @Benchmark
  public long single() {
    return run.translate();
  }

  /** All addresses in one call; the time is that of the call. */
  @Benchmark
  public int batch() {
    return run.endpoint.translate(run.addresses, answers, 0, answers.length, Access.READ);
  }
}
