package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;

/** How many reads each page-walk cache saves in a nested walk after an IOTLB miss. */
final class StructureSavings {
  private static final int PLACES = 1024;
  private static final int ADDRESSES = 1 << 14;

  private static final String SPEC =
      """
      {"mapping": {"x": "caches", "y": "references", "fill": "pages"},
       "layers": [
         {"geom": "bar", "stat": "identity", "position": {"name": "dodge"}, "width": 0.85},
         {"geom": "text", "position": {"name": "dodge", "width": 0.85}, "size": 5, "vjust": 0,
          "color": "%s", "mapping": {"label": "references", "group": "pages"},
          "label_format": ".1f"}],
       "facet": {"name": "wrap", "facets": ["format"], "ncol": 1, "order": [-1], "dir": "h"},
       "scales": [
         {"aesthetic": "x", "name": "", "discrete": true},
         {"aesthetic": "y", "name": "entries read", "limits": [0, 27]},
         {"aesthetic": "fill", "name": "", "discrete": true, "values": ["#0072b2", "#e69f00"]}]}
      """
          .formatted(ChartSvg.INK);

  /** References of a miss, by page-walk caches and working set. */
  static Chart chart() {
    Map<String, List<Object>> rows = Chart.columns("format", "caches", "pages", "references");
    for (Workload.Mode mode : List.of(Workload.Mode.VTD_NESTED, Workload.Mode.SMMUV3_NESTED)) {
      String format = mode == Workload.Mode.VTD_NESTED ? "VT-d" : "SMMUv3";
      measure(rows, format, mode, "16384 pages side by side", 1 << 14, 1);
      measure(rows, format, mode, "4096 pages, 2M apart", 1 << 12, 512);
    }
    return new Chart(
        "structure-caches",
        "Entries that a nested walk reads, by structure caches",
        "Bars for VT-d and SMMUv3, four levels over four, 1024 places in each cache. Pages side by"
            + " side: 24 entries without caches, 5 with partial first-stage walks, 9 with partial"
            + " second-stage walks, 8 with whole second-stage walks, 2 with the first two, which is"
            + " the default. 4096 pages that share no lowest table, four times what the caches"
            + " hold: 24, 19, 10, 12 to 14, 8.",
        760,
        620,
        rows,
        SPEC);
  }

  private static void measure(
      Map<String, List<Object>> rows,
      String format,
      Workload.Mode mode,
      String pages,
      int count,
      int stride) {
    try (Arena arena = Arena.ofConfined()) {
      Workload.Built built = Workload.build(mode, count, stride, arena);
      long[] addresses = Subjects.addresses(ADDRESSES, count, stride);
      CacheOptions none = CacheOptions.NONE.withCounters();
      add(rows, format, "none", pages, built, addresses, none);
      add(rows, format, "first", pages, built, addresses, none.withStructures(PLACES, 0, 0));
      add(rows, format, "second", pages, built, addresses, none.withStructures(0, PLACES, 0));
      add(rows, format, "whole second", pages, built, addresses, none.withStructures(0, 0, PLACES));
      add(
          rows,
          format,
          "first, second",
          pages,
          built,
          addresses,
          none.withStructures(PLACES, PLACES, 0));
      add(
          rows,
          format,
          "all three",
          pages,
          built,
          addresses,
          none.withStructures(PLACES, PLACES, PLACES));
    }
  }

  private static void add(
      Map<String, List<Object>> rows,
      String format,
      String caches,
      String pages,
      Workload.Built built,
      long[] addresses,
      CacheOptions options) {
    Translator translator = built.iommu().newTranslator(options);
    Endpoint endpoint = Subjects.checked(translator.endpoint(Workload.SOURCE, -1), addresses);
    CacheCounters counters = translator.counters();
    counters.reset();
    for (long address : addresses) {
      endpoint.translate(address, Access.READ);
    }
    double references = (double) counters.references() / addresses.length;
    Chart.add(rows, format, caches, pages, Math.round(10 * references) / 10.0);
  }

  private StructureSavings() {}
}
