package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** What does a nested translation cost with small and large pages in one IOTLB? */
public class PageMixBenchmark extends TimedPerCall {
  /** Percentage of the address space that 2 MiB pages map, in both stages. */
  @Param({"0", "50", "100"})
  public int large = 50;

  /** Entries of the IOTLB: enough for all pages, or for few. */
  @Param({"65536", "1024"})
  public int entries = 65536;

  private static final int PAGES = 1 << 14;

  private final Arena arena = Arena.ofConfined();
  private Run run = Run.NONE;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    Workload.Built built = Workload.mixed(Workload.Mode.VTD_NESTED, PAGES, large, arena);
    run = Run.of(built, PAGES, 1, CacheOptions.DEFAULT.withIotlb(entries, 4));
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  /** One translation. */
  @Benchmark
  public long translate() {
    return run.translate();
  }
}
