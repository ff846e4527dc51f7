package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does a translation cost when some share of the operations invalidates a page or a domain?
 */
public class InvalidationShareBenchmark extends TimedPerCall {
  /** Invalidations per thousand operations. */
  @Param({"0", "1", "10", "100"})
  public int share = 10;

  /** What is invalidated. */
  @Param({"PAGE", "DOMAIN"})
  public String what = "PAGE";

  private int credit;

  private final Arena arena = Arena.ofConfined();
  private Run run = Run.NONE;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    run = Run.of("VTD_NESTED", 1024, 1, CacheOptions.DEFAULT, arena);
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  /** One operation. */
  @Benchmark
  public long operation() {
    credit += share;
    if (credit >= 1000) {
      credit -= 1000;
      if (what.equals("PAGE")) {
        run.iommu.vtdInvalidations().pasidIotlbPages(1, 0, run.address(), 0, true);
      } else {
        run.iommu.vtdInvalidations().iotlbDomain(1);
      }
    }
    return run.translate();
  }
}
