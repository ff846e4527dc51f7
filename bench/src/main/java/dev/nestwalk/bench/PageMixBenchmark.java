package dev.nestwalk.bench;

import dev.nestwalk.cache.CacheOptions;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What does a nested translation cost with small and large pages in one IOTLB? */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PageMixBenchmark {
  /** Percent of the address space that 2 MiB pages map, in both stages. */
  @Param({"0", "50", "100"})
  public int large = 50;

  /** Places of the IOTLB: all pages fit, or few. */
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
