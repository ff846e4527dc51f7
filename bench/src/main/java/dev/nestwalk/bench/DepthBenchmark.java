package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does a level cost? Walks without translation caches through tables of 3 to 5 levels per
 * stage, with tables in L1, and requests that pass without any table. The configuration is cached.
 */
public class DepthBenchmark extends TimedPerCall {
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

  /** An endpoint whose pages were all checked to have the right output. */
  static Endpoint checked(DepthTables tables, Arena arena) {
    Workload.Built built = tables.build(arena);
    Endpoint endpoint =
        built.iommu().newTranslator(CacheOptions.NONE).endpoint(Workload.SOURCE, -1);
    MappedMachine machine = built.machine();
    for (int page = 0; page < DepthTables.PAGES; page++) {
      long place = page * 4096L + 8;
      long answer = endpoint.translate(machine.input() + place, Access.READ);
      if (Translation.isFault(answer) || Translation.address(answer) != machine.output() + place) {
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

  /** Translates one page far from the previous one. */
  @Benchmark
  public long walk() {
    Endpoint of = endpoint;
    if (of == null) {
      throw new IllegalStateException("not built");
    }
    next = next + 37 & DepthTables.PAGES - 1;
    return of.translate(Workload.INPUT + next * 4096L, Access.READ);
  }
}
