package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
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

/**
 * What does a level cost: walks without caches through tables of 3 to 5 levels per stage, tables in
 * L1, and what passes without any table. The configuration is kept.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class DepthBenchmark {
  /** Format, mode and levels: of the first stage over the second where both are walked. */
  @Param({
    "VTD_PASS_THROUGH",
    "VTD_SECOND_3",
    "VTD_SECOND_4",
    "VTD_SECOND_5",
    "VTD_FIRST_4",
    "VTD_FIRST_5",
    "VTD_NESTED_4_OVER_3",
    "VTD_NESTED_4_OVER_4",
    "VTD_NESTED_5_OVER_5",
    "SMMUV3_BYPASS",
    "SMMUV3_STAGE2_3",
    "SMMUV3_STAGE2_4",
    "SMMUV3_STAGE1_4",
    "SMMUV3_NESTED_4_OVER_3",
    "SMMUV3_NESTED_4_OVER_4"
  })
  public String tables = "VTD_NESTED_4_OVER_4";

  private final Arena arena = Arena.ofConfined();
  private @Nullable Endpoint endpoint;
  private int next;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    endpoint = checked(DepthTables.valueOf(tables), arena);
  }

  /** An endpoint whose pages all come out where they should. */
  static Endpoint checked(DepthTables tables, Arena arena) {
    Endpoint endpoint =
        tables.build(arena).newTranslator(CacheOptions.NONE).endpoint(DepthTables.SOURCE, -1);
    for (int page = 0; page < DepthTables.PAGES; page++) {
      long input = DepthTables.INPUT + page * 4096L + 8;
      long answer = endpoint.translate(input, Access.READ);
      if (Translation.isFault(answer) || Translation.address(answer) != tables.output(input)) {
        throw new IllegalStateException(
            "%s, page %d: %s".formatted(tables, page, Translation.describe(answer)));
      }
    }
    return endpoint;
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  /** One translation of a page far from the last one. */
  @Benchmark
  public long walk() {
    Endpoint of = endpoint;
    if (of == null) {
      throw new IllegalStateException("not built");
    }
    next = next + 37 & DepthTables.PAGES - 1;
    return of.translate(DepthTables.INPUT + next * 4096L, Access.READ);
  }
}
