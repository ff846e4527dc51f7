package dev.nestwalk.bench;

import dev.nestwalk.Translator;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does one translation cost without any caching? Configuration structures and tables are read
 * anew; there are four levels of 4 KiB pages per stage, and addresses are independent.
 */
public class UncachedWalkBenchmark extends TimedPerCall {
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

  /** Pages mapped and translated: 64 keep all tables in L1, 16384 need L2. */
  @Param({"64", "16384"})
  public int pages = 64;

  private final Arena arena = Arena.ofConfined();
  private Translator translator = Workload.translator(Workload.Mode.VTD_FIRST, 1, arena);
  private int next;

  /** Builds the tables and checks one answer per page. */
  @Setup(Level.Trial)
  public void build() {
    translator = Workload.translator(Workload.Mode.valueOf(mode), pages, arena);
    for (int page = 0; page < pages; page++) {
      long offset = page * 4096L + 8;
      long answer = translate(Workload.INPUT + offset);
      if (Translation.isFault(answer) || Translation.address(answer) != Workload.OUTPUT + offset) {
        throw new IllegalStateException(
            "page %d: %s".formatted(page, Translation.describe(answer)));
      }
    }
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  private long translate(long address) {
    return translator.translate(Workload.SOURCE, -1, address, Access.READ);
  }

  /** Translates one page far from the previous one. */
  @Benchmark
  public long walk() {
    next = next + 37 & pages - 1;
    return translate(Workload.INPUT + next * 4096L);
  }
}
