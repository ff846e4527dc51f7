package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.List;

/** E6: strict against lazy unmapping, against buffers that stay mapped. */
final class UnmapPolicies extends Question {
  private static final List<String> POLICIES = List.of("strict", "lazy", "pool", "huge");
  private static final int GIGABITS = 10;

  private final LatencyModel model;

  UnmapPolicies(LatencyModel model) {
    super(
        "E6",
        "Strict and lazy unmapping",
        "What share of 10 Gb/s does one processor keep up with when each buffer is invalidated,"
            + " when invalidations are batched, and when buffers stay mapped?",
        "Strict is the slowest, lazy nearly as quick as no unmapping at all, pools need neither."
            + " Nested, each invalidation leaves the guest, which hits strict most and lazy 256"
            + " times less often.",
        new Published(
            "strict 43 % of 10 GbE, deferred 91 % (Linux 2.6.36, one stage)",
            "N. Amit, M. Ben-Yehuda, D. Tsafrir, A. Schuster: vIOMMU: Efficient IOMMU "
                + "Emulation, USENIX ATC 2011",
            "lecture notes on the paper (IIT Delhi, CSL862); the abstract has no such "
                + "figure"));
    this.model = model;
  }

  @Override
  public String reading() {
    return "The shares follow from counts (maps, unmaps, invalidations for each packet) and the "
        + "latency model's processor times: 0.6 us for a packet, 0.5 to map, 0.3 to unmap, 0.7 to "
        + "invalidate and wait, 2 us for an exit to the host. They are assumptions, for no "
        + "published breakdown was at hand; with those of your machine the shares move, the "
        + "order of the policies does not. The published 43 % and 91 % were measured with Linux "
        + "2.6.36, whose allocator of addresses was slower than ours is assumed to be.";
  }

  @Override
  public List<Cell> cells(Size size) {
    Cell load =
        Cell.parse("workload=nic:1500:256 iotlb=256x8 pwc1=16x4 pwc2=16x4 ntlb=16x4")
            .with(Axis.REQUESTS, size == Size.SMALL ? 1_024 : 20_480)
            .with(Axis.WARMUP, size == Size.SMALL ? 1_024 : 2_048);
    List<Cell> cells = new ArrayList<>();
    for (String stages : List.of("1", "nested")) {
      for (String policy : POLICIES) {
        // A guest's large pages are worth what the host's are: the smaller of both is cached.
        cells.add(
            load.with(Axis.STAGES, stages)
                .with(Axis.INVALIDATE, policy)
                .with(Axis.PAGES2, policy.equals("huge") ? "2m" : "base"));
      }
    }
    return cells;
  }

  private static Results chosen(List<CellResult> results, boolean nested, String policy) {
    return new Results(results).nested(nested).where(Axis.INVALIDATE, policy);
  }

  private double[] shares(List<CellResult> results, boolean nested) {
    return POLICIES.stream()
        .mapToDouble(
            policy -> model.shareOfCore(chosen(results, nested, policy).counts(), GIGABITS, nested))
        .toArray();
  }

  private static double invalidations(List<CellResult> results, boolean nested, String policy) {
    var counts = chosen(results, nested, policy).counts();
    return counts.per("invalidate.page", "request") + counts.per("invalidate.all", "request");
  }

  private static String percents(double[] shares) {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < shares.length; i++) {
      texts.add(POLICIES.get(i) + " " + figure(100 * shares[i], 0) + " %");
    }
    return String.join(", ", texts);
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    List<Verdict> verdicts = new ArrayList<>();
    for (boolean nested : new boolean[] {false, true}) {
      String mode = nested ? "nested" : "one stage";
      double[] shares = shares(results, nested);
      verdicts.add(
          Verdict.of(
              mode + ": strict < lazy < pool, and huge pages no slower than the pool",
              shares[0] < shares[1] && shares[1] < shares[2] && shares[3] >= shares[2],
              percents(shares)));
      double strict = invalidations(results, nested, "strict");
      double lazy = invalidations(results, nested, "lazy");
      verdicts.add(
          Verdict.of(
              mode + ": lazy invalidates once for 256 buffers, strict for each",
              strict == 1 && lazy > 0 && lazy * 200 < strict && lazy * 300 > strict,
              figure(strict, 3) + " and " + figure(lazy, 4) + " a packet"));
      double misses = chosen(results, nested, "huge").counts().per("iotlb.miss", "access");
      verdicts.add(
          Verdict.of(
              mode + ": a pool of huge pages hardly misses the IOTLB",
              misses < 0.01,
              figure(100 * misses, 2) + " % misses"));
    }
    double[] single = shares(results, false);
    verdicts.add(
        Verdict.of(
            "one stage: within 15 points of the published 43 % strict and 91 % lazy",
            Math.abs(single[0] - 0.43) < 0.15 && Math.abs(single[1] - 0.91) < 0.15,
            percents(single)));
    double[] nested = shares(results, true);
    verdicts.add(
        Verdict.of(
            "nesting costs strict the most",
            single[0] / nested[0] > single[1] / nested[1] && single[1] / nested[1] < 1.1,
            "one stage %s; nested %s".formatted(percents(single), percents(nested))));
    return verdicts;
  }

  @Override
  public String headline(List<CellResult> results) {
    double[] single = shares(results, false);
    double[] nested = shares(results, true);
    return "One processor keeps up with %s %% of 10 Gb/s under strict unmapping nested, %s %% in one stage: %s times as slow; lazy %s and %s %%, pools %s and %s %%."
        .formatted(
            figure(100 * nested[0], 0),
            figure(100 * single[0], 0),
            figure(single[0] / nested[0], 1),
            figure(100 * nested[1], 0),
            figure(100 * single[1], 0),
            figure(100 * nested[2], 0),
            figure(100 * single[2], 0));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    for (boolean nested : new boolean[] {false, true}) {
      double[] shares = shares(results, nested);
      List<Plot.Point> points = new ArrayList<>();
      for (int i = 0; i < shares.length; i++) {
        points.add(point(POLICIES.get(i), 100 * shares[i]));
      }
      series.add(new Plot.Series(nested ? "nested" : "one stage", points));
    }
    return List.of(
        new Plot(
            "e6-unmap-policies",
            "Share of 10 Gb/s that one processor keeps up with",
            "Bars: percent of line rate by policy, modelled. " + headline(results),
            "policy",
            "percent of 10 Gb/s",
            Plot.Form.BARS,
            series));
  }
}
