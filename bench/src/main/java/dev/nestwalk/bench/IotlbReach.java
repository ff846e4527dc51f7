package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** How much memory DMA may use before the IOTLB stops answering, counted on the real one. */
final class IotlbReach {
  private static final long SEED = 20261125;
  private static final int SOURCE = 1;
  private static final int LEAST = 1 << 6;
  private static final int MOST = 1 << 16;
  private static final int SCATTER = 16;
  private static final int TABLES = 2100;

  private static final String SPEC =
      """
      {"mapping": {"x": "mebibytes", "y": "hits", "color": "iotlb"},
       "layers": [
         {"geom": "line", "size": 1.3},
         {"geom": "point", "size": 3}],
       "scales": [
         {"aesthetic": "x", "name": "memory that DMA uses at random", "trans": "log2",
          "breaks": [0.25, 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536],
          "labels": ["256K", "1M", "4M", "16M", "64M", "256M", "1G", "4G", "16G", "64G"]},
         {"aesthetic": "y", "name": "answered by the IOTLB, %", "limits": [0, 100]},
         {"aesthetic": "color", "name": "", "discrete": true,
          "values": ["#56b4e9", "#0072b2", "#009e73", "#e69f00", "#d55e00"]}],
       "guides": {"color": {"name": "legend", "ncol": 3, "byrow": true}}}
      """;

  /** Hit rates by working set, geometry and size of pages. */
  static Chart chart() {
    Map<String, List<Object>> rows = Chart.columns("iotlb", "mebibytes", "hits");
    add(rows, "1024 entries, 4 ways", 1024, 4, 12, 1);
    add(rows, "4096, 4 ways (default)", 4096, 4, 12, 1);
    add(rows, "4096, 4 ways, 2M pages", 4096, 4, 21, 1);
    add(rows, "4096, 4 ways, scattered", 4096, 4, 12, SCATTER);
    add(rows, "4096, 1 way, scattered", 4096, 1, 12, SCATTER);
    return new Chart(
        "iotlb-reach",
        "IOTLB reach",
        "Lines: share of translations that the IOTLB answers, over the memory that DMA uses at"
            + " random. With 4096 entries and pages of 4K side by side: all up to 16 MiB, half at"
            + " 32 MiB, a quarter at 64. With 1024 entries a quarter of that memory, with pages of"
            + " 2 MiB 512 times as much. Pages scattered over addresses collide: at 16 MiB four"
            + " ways answer 83 %, one way 65 %.",
        760,
        460,
        rows,
        SPEC);
  }

  private static void add(
      Map<String, List<Object>> rows,
      String name,
      int entries,
      int ways,
      int pageLog2,
      int scatter) {
    try (Arena arena = Arena.ofConfined()) {
      long[] pages = pages(scatter);
      Iommu iommu = mapped(arena, pages, pageLog2);
      CacheOptions options = CacheOptions.DEFAULT.withIotlb(entries, ways).withCounters();
      for (int used = LEAST; used <= MOST; used *= 2) {
        Translator translator = iommu.newTranslator(options);
        double mebibytes = (double) used * (1L << pageLog2) / (1 << 20);
        Chart.add(rows, name, mebibytes, hits(translator, pages, used, pageLog2));
      }
    }
  }

  /** Page numbers: adjacent, or one at random out of each {@code scatter}. */
  private static long[] pages(int scatter) {
    Random random = new Random(SEED);
    long[] pages = new long[MOST];
    for (int i = 0; i < MOST; i++) {
      pages[i] = (long) i * scatter + random.nextInt(scatter);
    }
    return pages;
  }

  private static Iommu mapped(Arena arena, long[] pages, int pageLog2) {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, TABLES);
    VtdMachine machine = new VtdMachine(memory);
    SecondStageTables second = new SecondStageTables(memory, 4);
    for (long page : pages) {
      second.map(page << pageLog2, page << pageLog2, pageLog2, 3);
    }
    machine.context(SOURCE, 0, 2, 1, second.root());
    TableMemory.Run run = memory.runs().get(0);
    return Iommu.vtd(GuestMemory.of(run.bytes(), run.first()), machine.registers(), 46);
  }

  /** Percent, to one decimal. */
  private static double hits(Translator translator, long[] pages, int used, int pageLog2) {
    Endpoint endpoint = translator.endpoint(SOURCE, -1);
    Random random = new Random(SEED);
    translate(endpoint, random, pages, used, pageLog2);
    CacheCounters counters = translator.counters();
    counters.reset();
    translate(endpoint, random, pages, used, pageLog2);
    return Math.round(1000.0 * counters.hits() / (counters.hits() + counters.misses())) / 10.0;
  }

  private static void translate(
      Endpoint endpoint, Random random, long[] pages, int used, int pageLog2) {
    int count = Math.max(1 << 15, 4 * used);
    for (int i = 0; i < count; i++) {
      endpoint.translate(pages[random.nextInt(used)] << pageLog2, Access.READ);
    }
  }

  private IotlbReach() {}
}
