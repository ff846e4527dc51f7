package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.List;

/** E7: two stages, one shadowed stage, or whichever is cheaper of a tenant. */
final class StageSwitching extends Question {
  /** Requests in a thousand of tenants that map and unmap each buffer; the others keep theirs. */
  private static final List<Integer> CHURN = List.of(0, 1, 10, 100, 500, 1000);

  private static final int RARE = 10;
  private static final double PUBLISHED = 1.04;

  private final LatencyModel model;

  StageSwitching(LatencyModel model) {
    super(
        "E7",
        "Switching between one stage and two",
        "What does a request cost with two stages, with one stage that the host keeps as a shadow"
            + " of both, and when each tenant has the cheaper of the two?",
        "Nested pays at each walk, a shadow at each change of the guest's tables (an exit for a map"
            + " and one for an invalidation). Tenants that keep their buffers belong on a shadow,"
            + " those that map each buffer on two stages: choosing is never worse than either, and"
            + " within 4 % of one stage without a guest while few requests change tables. The guest"
            + " has an invalidation queue of its own, as agile paging presumes.",
        new Published(
            "agile paging: within 4 % of native for all workloads, more than 12 % better "
                + "than the better of nested and shadow paging",
            "J. Gandhi, M. D. Hill, M. M. Swift: Agile Paging: Exceeding the Best of Nested "
                + "and Shadow Paging, ISCA 2016, pages 707-718",
            "the abstract"));
    this.model = model;
  }

  @Override
  public String reading() {
    return "Agile paging switches within one walk of a processor, upper levels shadowed and lower "
        + "ones nested; here a tenant is wholly one or the other, as an IOMMU's PASID entry or "
        + "STE allows. Its 4 % hold for us up to about one changing request in a hundred. With "
        + "more of them the nested part dominates, which agile paging avoids only for the levels "
        + "that do not change. Where a guest's invalidations leave the guest too, nested loses "
        + "their exits on top (E6).";
  }

  @Override
  public List<Cell> cells(Size size) {
    Cell load =
        Cell.parse("workload=nic:1500:256 iotlb=64x8 pwc1=16x4 pwc2=16x4 ntlb=16x4")
            .with(Axis.REQUESTS, size == Size.SMALL ? 1_024 : 20_480)
            .with(Axis.WARMUP, size == Size.SMALL ? 512 : 2_048);
    List<Cell> cells = new ArrayList<>();
    for (String stages : List.of("1", "nested")) {
      for (String policy : List.of("strict", "pool")) {
        cells.add(load.with(Axis.STAGES, stages).with(Axis.INVALIDATE, policy));
      }
    }
    return cells;
  }

  /** Nanoseconds of a request, by who pays for the guest. */
  private record Costs(double nativeOne, double nested, double shadow, double agile) {}

  private double walks(List<CellResult> results, boolean nested, String policy) {
    return model.nanosPerRequest(counts(results, nested, policy));
  }

  private static Counts counts(List<CellResult> results, boolean nested, String policy) {
    return new Results(results).nested(nested).where(Axis.INVALIDATE, policy).counts();
  }

  private double exits(List<CellResult> results) {
    Counts counts = counts(results, false, "strict");
    return (counts.per("map", "request") + counts.per("invalidate.page", "request"))
        * (model.trap() / 1e3);
  }

  private Costs costs(List<CellResult> results, int churn) {
    double part = churn / 1000.0;
    double nativeOne =
        part * walks(results, false, "strict") + (1 - part) * walks(results, false, "pool");
    double nested =
        part * walks(results, true, "strict") + (1 - part) * walks(results, true, "pool");
    double shadowChurn = walks(results, false, "strict") + exits(results);
    double shadow = part * shadowChurn + (1 - part) * walks(results, false, "pool");
    double agile =
        part * Math.min(shadowChurn, walks(results, true, "strict"))
            + (1 - part) * Math.min(walks(results, false, "pool"), walks(results, true, "pool"));
    return new Costs(nativeOne, nested, shadow, agile);
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    boolean never = true;
    List<String> measured = new ArrayList<>();
    for (int churn : CHURN) {
      Costs costs = costs(results, churn);
      never &= costs.agile <= Math.min(costs.nested, costs.shadow) * (1 + 1e-9);
      measured.add(
          "%s %%: nested %s, shadow %s, switching %s ns"
              .formatted(
                  figure(churn / 10.0, 1),
                  figure(costs.nested, 1),
                  figure(costs.shadow, 1),
                  figure(costs.agile, 1)));
    }
    Costs still = costs(results, 0);
    Costs rare = costs(results, RARE);
    Costs busy = costs(results, 1000);
    return List.of(
        Verdict.of(
            "switching is never worse than nested or shadow alone",
            never,
            String.join("; ", measured)),
        Verdict.of(
            "buffers that stay: a shadow costs what one stage costs, nested more",
            still.shadow == still.nativeOne && still.nested > still.nativeOne,
            "%s, %s and %s ns"
                .formatted(
                    figure(still.nativeOne, 1), figure(still.shadow, 1), figure(still.nested, 1))),
        Verdict.of(
            "buffers that come and go: nested costs less than a shadow",
            busy.nested < busy.shadow,
            "%s and %s ns".formatted(figure(busy.nested, 1), figure(busy.shadow, 1))),
        Verdict.of(
            "with changes in 1 % of the requests switching stays within the published 4 % of one"
                + " stage",
            rare.agile <= PUBLISHED * rare.nativeOne,
            "%s of one stage".formatted(figure(rare.agile / rare.nativeOne, 3))));
  }

  @Override
  public String headline(List<CellResult> results) {
    Costs rare = costs(results, RARE);
    return "With changes in 1 %% of the requests nested translation costs %s times one stage, a shadow %s times, the cheaper of both for each tenant %s times."
        .formatted(
            figure(rare.nested / rare.nativeOne, 2),
            figure(rare.shadow / rare.nativeOne, 2),
            figure(rare.agile / rare.nativeOne, 2));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Point> nested = new ArrayList<>();
    List<Plot.Point> shadow = new ArrayList<>();
    List<Plot.Point> agile = new ArrayList<>();
    for (int churn : CHURN) {
      Costs costs = costs(results, churn);
      String label = figure(churn / 10.0, 1);
      nested.add(point(label, costs.nested / costs.nativeOne));
      shadow.add(point(label, costs.shadow / costs.nativeOne));
      agile.add(point(label, costs.agile / costs.nativeOne));
    }
    return List.of(
        new Plot(
            "e7-switching",
            "Time of a request's translations against one stage without a guest",
            "Bars: how many times the time of one stage, modelled, by percent of requests that"
                + " change tables. "
                + headline(results),
            "percent of requests that map and unmap",
            "times one stage",
            Plot.Form.BARS,
            List.of(
                new Plot.Series("nested", nested),
                new Plot.Series("shadow", shadow),
                new Plot.Series("the cheaper", agile))));
  }
}
