package dev.nestwalk.bench.cost.report;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The cost of nesting: of each nested cell that has the same cell of one stage beside it, how many
 * table entries are read for a request there and here.
 *
 * @param workload its first part: nic, nvme, …
 * @param pairs pairs of cells
 * @param nested entries read for a request, nested, all pairs together
 * @param single entries read for a request, one stage, all pairs together
 * @param least smallest ratio of a pair
 * @param median ratio of the pair in the middle
 * @param most largest ratio of a pair
 */
public record NestingCost(
    String workload,
    int pairs,
    double nested,
    double single,
    double least,
    double median,
    double most) {

  /** For each workload that has a pair in which one stage reads anything. */
  public static List<NestingCost> of(List<CellResult> results) {
    Map<Cell, CellResult> byCell = new HashMap<>();
    results.forEach(result -> byCell.put(result.cell(), result));
    Map<String, List<CellResult[]>> pairs = new TreeMap<>();
    for (CellResult result : results) {
      Cell cell = result.cell();
      if (!cell.isNested() || result.counts().get("request") == 0) {
        continue;
      }
      for (String stage : List.of("2", "1")) {
        CellResult single = byCell.get(cell.with(Axis.STAGES, stage));
        if (single != null && single.counts().get("ref") > 0) {
          String workload = cell.get(Axis.WORKLOAD).split("[:@]", 2)[0];
          pairs
              .computeIfAbsent(workload, any -> new ArrayList<>())
              .add(new CellResult[] {result, single});
          break;
        }
      }
    }
    List<NestingCost> costs = new ArrayList<>();
    pairs.forEach((workload, list) -> costs.add(cost(workload, list)));
    return costs;
  }

  private static NestingCost cost(String workload, List<CellResult[]> pairs) {
    List<Double> ratios = new ArrayList<>();
    double nested = 0;
    double single = 0;
    for (CellResult[] pair : pairs) {
      double a = pair[0].counts().per("ref", "request");
      double b = pair[1].counts().per("ref", "request");
      ratios.add(a / b);
      nested += a / pairs.size();
      single += b / pairs.size();
    }
    Collections.sort(ratios);
    return new NestingCost(
        workload,
        ratios.size(),
        nested,
        single,
        ratios.get(0),
        ratios.get(ratios.size() / 2),
        ratios.get(ratios.size() - 1));
  }
}
