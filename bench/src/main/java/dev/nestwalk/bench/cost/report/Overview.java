package dev.nestwalk.bench.cost.report;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.LatencyModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What nesting costs each workload on one and the same unit, which has the caches of a middling
 * one: 256 translations, 32 entries in each walk cache.
 *
 * @param workload as it is named on the command line
 * @param invalidate policy of its driver
 * @param single counts of one stage
 * @param nested counts of two
 */
record Overview(String workload, String invalidate, CellResult single, CellResult nested) {
  private static final int GIGABITS = 200;
  private static final List<String> LOADS =
      List.of(
          "nic:1500 strict",
          "nic:1500 pool",
          "nic:imix strict",
          "nvme:4k strict",
          "nvme:128k strict",
          "gpu:2m pool",
          "scan:64m:4k pool",
          "random:64m:4k pool");

  /** Cells of every workload, one stage and nested, with the same caches. */
  static List<Cell> cells(Experiment.Size size) {
    int requests = size == Experiment.Size.SMALL ? 300 : 4000;
    Cell unit =
        Cell.parse("iotlb=256x8lru-hash pwc1=32x4lru pwc2=32x4lru ntlb=32x4lru")
            .with(Axis.WARMUP, requests / 4)
            .with(Axis.REQUESTS, requests);
    List<Cell> cells = new ArrayList<>();
    for (String load : LOADS) {
      String[] parts = load.split(" ", -1);
      Cell cell = unit.with(Axis.WORKLOAD, parts[0]).with(Axis.INVALIDATE, parts[1]);
      cells.add(cell.with(Axis.STAGES, "2"));
      cells.add(cell.with(Axis.STAGES, "nested"));
    }
    return cells;
  }

  /** A row for each workload whose two cells are among these results, whatever their seed. */
  static List<Overview> of(List<CellResult> results) {
    Map<Cell, CellResult> byCell = new TreeMap<>();
    results.forEach(result -> byCell.put(result.cell().with(Axis.SEED, 1), result));
    List<Overview> rows = new ArrayList<>();
    for (Experiment.Size size : Experiment.Size.values()) {
      List<Cell> cells = cells(size);
      for (int i = 0; i < cells.size(); i += 2) {
        CellResult single = byCell.get(cells.get(i));
        CellResult nested = byCell.get(cells.get(i + 1));
        if (single != null && nested != null) {
          Cell cell = nested.cell();
          rows.add(
              new Overview(cell.get(Axis.WORKLOAD), cell.get(Axis.INVALIDATE), single, nested));
        }
      }
    }
    return rows;
  }

  /** Entries read for a request, nested, divided by those of one stage; NaN if that reads none. */
  double ratio() {
    double one = entries(single);
    return one == 0 ? Double.NaN : entries(nested) / one;
  }

  static double entries(CellResult result) {
    return result.counts().per("ref", "request");
  }

  /** Percent of look-ups that the IOTLB answers. */
  double hits() {
    return 100 * nested.counts().per("iotlb.hit", "access");
  }

  /** Nanoseconds that a request waits for translations, modelled. */
  static double nanos(CellResult result, LatencyModel model) {
    return model.nanosPerRequest(result.counts());
  }

  /** Percent of 200 Gb/s that translation lets through, modelled. */
  static double share(CellResult result, LatencyModel model) {
    return 100 * model.shareOfLine(result.counts(), GIGABITS);
  }
}
