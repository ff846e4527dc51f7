package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedPlan;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;

/** How many page-table entries a walk without caches reads, by depth and size of pages. */
final class WalkDepths {
  private static final int FOUR_KIB = 12;

  private static final String[] VTD_PAGES = {"4K pages", "2M pages", "1G pages"};
  private static final String[] SMMU_PAGES = {"pages", "blocks of level 2", "blocks of level 1"};

  private static final String BARS =
      """
      {"mapping": {"x": "tables", "y": "references", "fill": "pages"},
       "layers": [
         {"geom": "bar", "stat": "identity", "position": {"name": "dodge"}, "width": 0.85},
         {"geom": "text", "position": {"name": "dodge", "width": 0.85}, "size": 5, "vjust": 0,
          "color": "%s", "mapping": {"label": "references", "group": "pages"}}],
       "scales": [
         {"aesthetic": "x", "name": "", "discrete": true},
         {"aesthetic": "y", "name": "entries read", "limits": [0, 38],
          "breaks": [0, 10, 20, 30]},
         {"aesthetic": "fill", "name": "", "discrete": true,
          "values": ["#0072b2", "#e69f00", "#009e73"]}]}
      """
          .formatted(ChartSvg.INK);

  private static final String TILES =
      """
      {"mapping": {"x": "host", "y": "guest", "fill": "references"},
       "layers": [
         {"geom": "tile", "width": 0.97, "height": 0.97},
         {"geom": "text", "size": 9, "color": "rgb(0,0,0)", "mapping": {"label": "references"}}],
       "scales": [
         {"aesthetic": "x", "name": "second stage (host)", "discrete": true},
         {"aesthetic": "y", "name": "first stage (guest)", "discrete": true,
          "limits": ["1G pages", "2M pages", "4K pages"]},
         {"aesthetic": "fill", "low": "#d9ecf7", "high": "#56b4e9", "guide": "none",
          "scale_mapper_kind": "color_gradient"}]}
      """;

  /** References of a walk by levels and pages. */
  static Chart vtdByDepth() {
    Map<String, List<Object>> rows = Chart.columns("tables", "pages", "references");
    for (int levels : new int[] {3, 4, 5}) {
      for (int up = 0; up < VTD_PAGES.length; up++) {
        Chart.add(rows, levels + " levels", VTD_PAGES[up], vtd(0, levels, up, up));
      }
    }
    for (int[] nested : new int[][] {{4, 3}, {4, 4}, {5, 5}}) {
      for (int up = 0; up < VTD_PAGES.length; up++) {
        String tables = nested[0] + " over " + nested[1];
        Chart.add(rows, tables, VTD_PAGES[up], vtd(nested[0], nested[1], up, up));
      }
    }
    return new Chart(
        "walk-references-vtd",
        "VT-d: page-table entries that one walk without caches reads",
        "Bars by levels of the tables and by size of the pages, the same in both stages. One stage"
            + " reads as many entries as it has levels, less one with pages of 2M and two with 1G."
            + " Nested stages multiply: 4 levels over 3 read 19, 11, 5; 4 over 4 read 24, 15, 8; 5"
            + " over 5 read 35, 24, 15.",
        760,
        340,
        rows,
        BARS);
  }

  /** References of a walk by granule and pages. */
  static Chart smmuByDepth() {
    Map<String, List<Object>> rows = Chart.columns("tables", "pages", "references");
    for (boolean nested : new boolean[] {false, true}) {
      for (int granule : new int[] {FOUR_KIB, 14, 16}) {
        String one = (1 << granule - 10) + "K";
        // Granules of 16K and 64K have blocks of one size only.
        int most = granule == FOUR_KIB ? 2 : 1;
        for (int up = 0; up <= most; up++) {
          String tables = nested ? one + " over " + one : one;
          Chart.add(rows, tables, SMMU_PAGES[up], smmu(granule, up, nested));
        }
      }
    }
    return new Chart(
        "walk-references-smmuv3",
        "SMMUv3: descriptors that one walk without caches reads, by granule",
        "Bars by granule and by size of the pages, the same in both stages, for addresses of 48"
            + " bits. Stage 1 alone reads 4 descriptors with granules of 4K and 16K, 3 with 64K,"
            + " and one less for blocks. Nested: 4K over 4K reads 24, with blocks 15 and 8; 16K"
            + " over 16K reads 19 and 11; 64K over 64K 15 and 8.",
        760,
        340,
        rows,
        BARS);
  }

  /** References of a nested walk, four levels over four, by the pages of each stage. */
  static Chart byPageSize() {
    Map<String, List<Object>> rows = Chart.columns("guest", "host", "references");
    for (int guest = 0; guest < VTD_PAGES.length; guest++) {
      for (int host = 0; host < VTD_PAGES.length; host++) {
        Chart.add(rows, VTD_PAGES[guest], VTD_PAGES[host], vtd(4, 4, guest, host));
      }
    }
    return new Chart(
        "nested-page-sizes",
        "Entries of a nested walk, 4 levels over 4",
        "A table of nine numbers, guest pages down and host pages across. 4K over 4K, 2M, 1G: 24,"
            + " 19, 14. 2M over the same: 19, 15, 11. 1G: 14, 11, 8. The smallest page, the"
            + " guest's or the host's, decides what the device gets.",
        640,
        380,
        rows,
        TILES);
  }

  private static int vtd(int first, int second, int guestUp, int hostUp) {
    return references(
        MappedPlan.of(true, first != 0, true).levels(first, second).sizes(guestUp, hostUp));
  }

  private static int smmu(int granule, int up, boolean nested) {
    int start = granule == 16 ? 1 : 0;
    return references(
        MappedPlan.of(false, true, nested)
            .stage1(granule, start, 48)
            // With 16K a second stage of 48 bits begins with two tables of level 1 side by side.
            .stage2(granule, granule == 14 ? 1 : start, 48)
            .sizes(up, up));
  }

  private static int references(MappedPlan plan) {
    try (Arena arena = Arena.ofConfined()) {
      Workload.Built built = Workload.build(plan.pages(1, 0, 1), arena);
      Translator translator = built.iommu().newTranslator(CacheOptions.NONE.withCounters());
      Endpoint endpoint = translator.endpoint(Workload.SOURCE, -1);
      long input = built.machine().input() + 8;
      // The first resolves the configuration, which reads through the second stage, too.
      endpoint.translate(input, Access.READ);
      translator.counters().reset();
      long answer = endpoint.translate(input, Access.READ);
      boolean right = Translation.address(answer) == built.machine().output() + 8;
      if (!right || Translation.isFault(answer)) {
        throw new IllegalStateException(Translation.describe(answer));
      }
      return (int) translator.counters().references();
    }
  }

  private WalkDepths() {}
}
