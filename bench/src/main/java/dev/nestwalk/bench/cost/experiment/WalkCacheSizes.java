package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.List;

/** E2: what walk caches of 0 to 1,024 entries leave of a walk. */
final class WalkCacheSizes extends Question {
  private static final List<String> GEOMETRIES =
      List.of("0", "4x4", "16x4", "64x4", "256x4", "1024x4");
  private static final double PUBLISHED_NESTED = 4.4;
  private static final double PUBLISHED_SINGLE = 1.5;

  WalkCacheSizes() {
    super(
        "E2",
        "Walk caches",
        "How many references does a walk make with paging-structure caches and a nested TLB of 0 to"
            + " 1,024 entries each?",
        "References fall with every step, from 24 (one stage: 4) to fewer than the 4.4 (1.5) that"
            + " were published for processors; the cost of nesting falls with them.",
        new Published(
            "4.4 references of a nested walk with caches, 2.8 with flattened tables; 1.5 "
                + "and 1.0 without virtualization",
            "C. H. Park, I. Vougioukas, A. Sandberg, D. Black-Schaffer: Every Walk's a Hit, "
                + "ASPLOS 2022, doi 10.1145/3503222.3507718",
            "the abstract"));
  }

  @Override
  public String reading() {
    return "Our figures lie at the published 4.4 with 4 to 16 entries for each level of each stage "
        + "and below it with more, since each level has a cache of its own, the working set is "
        + "one buffer of 64 MiB at random, and nothing else uses the caches; processors share one "
        + "small cache among levels, and their workloads move. The floor is one reference of one "
        + "stage, the last level's entry, and nested one more for the buffer's own page unless "
        + "the nested TLB holds it. Flattened tables (published: 2.8) merge two levels into "
        + "nodes of 2 MiB, which neither VT-d nor SMMUv3 has: there is no walker to count with, "
        + "so they are not modelled.";
  }

  @Override
  public List<Cell> cells(Size size) {
    boolean small = size == Size.SMALL;
    Cell load =
        Cell.parse("iotlb=64x8 workload=random:" + (small ? "16m" : "64m"))
            .with(Axis.REQUESTS, small ? 2_000 : 60_000)
            .with(Axis.WARMUP, small ? 6_000 : 20_000);
    List<Cell> cells = new ArrayList<>();
    for (String format : List.of("vtd", "smmuv3")) {
      for (String stages : List.of("2", "nested")) {
        for (String geometry : GEOMETRIES) {
          cells.add(
              load.with(Axis.FORMAT, format)
                  .with(Axis.STAGES, stages)
                  .with(Axis.PWC1, geometry)
                  .with(Axis.PWC2, geometry)
                  .with(Axis.NTLB, geometry));
        }
      }
    }
    return cells;
  }

  private static double[] references(List<CellResult> results, String format, boolean nested) {
    Results some = new Results(results).where(Axis.FORMAT, format).nested(nested);
    return GEOMETRIES.stream()
        .mapToDouble(text -> some.where(Axis.PWC2, text).counts().per("ref", "walk"))
        .toArray();
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    List<Verdict> verdicts = new ArrayList<>();
    for (String format : List.of("vtd", "smmuv3")) {
      double[] nested = references(results, format, true);
      double[] single = references(results, format, false);
      int last = nested.length - 1;
      verdicts.add(
          Verdict.of(
              format + ": without walk caches 24 references nested, 4 in one stage",
              nested[0] == 24 && single[0] == 4,
              figure(nested[0], 2) + " and " + figure(single[0], 2)));
      verdicts.add(
          Verdict.of(
              format + ": references never rise with larger caches",
              Shape.falls(nested, 0) && Shape.falls(single, 0),
              "nested " + figures(nested, 2) + "; one stage " + figures(single, 2)));
      verdicts.add(
          Verdict.of(
              format + ": with 1,024 entries at most the published 4.4 nested, 1.5 in one stage",
              nested[last] <= PUBLISHED_NESTED && single[last] <= PUBLISHED_SINGLE,
              figure(nested[last], 2) + " and " + figure(single[last], 2)));
      verdicts.add(
          Verdict.of(
              format + ": the cost of nesting falls from 6 to less than 3",
              nested[0] / single[0] == 6 && nested[last] / single[last] < 3,
              "from %s to %s"
                  .formatted(
                      figure(nested[0] / single[0], 2), figure(nested[last] / single[last], 2))));
    }
    return verdicts;
  }

  @Override
  public String headline(List<CellResult> results) {
    double[] nested = references(results, "vtd", true);
    double[] single = references(results, "vtd", false);
    int last = nested.length - 1;
    return "Walk caches of 1,024 entries take a nested walk from %s references to %s; one stage reads %s: %s times as many."
        .formatted(
            figure(nested[0], 0),
            figure(nested[last], 2),
            figure(single[last], 2),
            figure(nested[last] / single[last], 1));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    for (String format : List.of("vtd", "smmuv3")) {
      for (boolean nested : new boolean[] {false, true}) {
        double[] values = references(results, format, nested);
        List<Plot.Point> points = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
          points.add(point(GEOMETRIES.get(i).replaceAll("x.*", ""), values[i]));
        }
        series.add(new Plot.Series(format + (nested ? " nested" : " one stage"), points));
      }
    }
    return List.of(
        new Plot(
            "e2-walk-caches",
            "References of a walk by size of the walk caches",
            "Bars: entries read by a walk that misses the IOTLB, by entries of each walk cache. "
                + headline(results),
            "entries of each walk cache",
            "entries read by a walk",
            Plot.Form.BARS,
            series));
  }
}
