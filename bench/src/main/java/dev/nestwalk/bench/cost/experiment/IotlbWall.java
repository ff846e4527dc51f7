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

/** E4: working set and page size against the reach of the IOTLB. */
final class IotlbWall extends Question {
  private static final List<String> SETS = List.of("256k", "1m", "4m", "16m", "64m");
  private static final int GIGABITS = 200;

  private final LatencyModel model;

  IotlbWall(LatencyModel model) {
    super(
        "E4",
        "The IOTLB wall",
        "What share of 200 Gb/s is left as the working set outgrows the IOTLB, with small and with"
            + " large pages?",
        "Below the reach of the IOTLB (256 entries: 1 MiB of 4 KiB pages) the line is full. Beyond"
            + " it 4 KiB pages lose line rate, nested more than one stage; pages of 2 MiB reach 512"
            + " times as far and lose nothing.",
        new Published(
            "up to 20 % of 200 Gb/s lost to IOTLB misses; huge pages recover it completely",
            "A. Farshin, L. Rizzo, K. Elmeleegy, D. Kostic: Overcoming the IOTLB wall for "
                + "multi-100-Gbps Linux-based networking, PeerJ Computer Science 2023, doi "
                + "10.7717/peerj-cs.1385",
            "the abstract"));
    this.model = model;
  }

  @Override
  public String reading() {
    return "The published loss of up to 20 % was measured in one stage on real traffic, whose "
        + "buffers are used in order; ours are used at random, which is the worst case for the "
        + "IOTLB, with one walk at a time. One stage stays at line rate here because its walk "
        + "caches leave one reference of 50 ns, less than the 82 ns of 2 KiB at 200 Gb/s. That "
        + "pages of 2 MiB recover the line is as published, nested too, but only where guest and "
        + "host both use them: the smaller of both is what the IOTLB keeps.";
  }

  @Override
  public List<Cell> cells(Size size) {
    boolean small = size == Size.SMALL;
    Cell load =
        Cell.parse("iotlb=256x8lru-hash pwc1=32x4 pwc2=32x4 ntlb=32x4")
            .with(Axis.REQUESTS, small ? 3_000 : 50_000)
            .with(Axis.WARMUP, small ? 3_000 : 50_000);
    List<Cell> cells = new ArrayList<>();
    for (String stages : List.of("2", "nested")) {
      for (String pages : List.of("4k", "2m")) {
        for (String set : SETS) {
          cells.add(
              load.with(Axis.STAGES, stages)
                  .with(Axis.PAGES1, pages)
                  .with(Axis.PAGES2, pages)
                  .with(Axis.WORKLOAD, "random:" + set + ":2k"));
        }
      }
    }
    return cells;
  }

  private double[] shares(List<CellResult> results, String pages, boolean nested) {
    Results some = new Results(results).where(Axis.PAGES2, pages).nested(nested);
    return SETS.stream()
        .mapToDouble(
            set ->
                model.shareOfLine(
                    some.where(Axis.WORKLOAD, "random:" + set + ":2k").counts(), GIGABITS))
        .toArray();
  }

  private static String percents(double[] shares) {
    List<String> texts = new ArrayList<>();
    for (double share : shares) {
      texts.add(figure(100 * share, 0));
    }
    return String.join(", ", texts) + " %";
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    double[] single = shares(results, "4k", false);
    double[] nested = shares(results, "4k", true);
    double[] singleLarge = shares(results, "2m", false);
    double[] nestedLarge = shares(results, "2m", true);
    int last = nested.length - 1;
    return List.of(
        Verdict.of(
            "within reach of the IOTLB the line is full",
            single[0] == 1 && nested[0] == 1,
            "one stage " + percents(single) + "; nested " + percents(nested)),
        Verdict.of(
            "shares never rise with the working set",
            Shape.falls(single, 0.01) && Shape.falls(nested, 0.01),
            "one stage " + percents(single) + "; nested " + percents(nested)),
        Verdict.of(
            "the largest working set loses at least the published 20 % with 4 KiB pages, nested",
            nested[last] <= 0.8, figure(100 * (1 - nested[last]), 0) + " % lost"),
        Verdict.of(
            "nesting never gains",
            nested[last] <= single[last],
            "nested %s, one stage %s".formatted(figure(nested[last], 2), figure(single[last], 2))),
        Verdict.of(
            "pages of 2 MiB recover the line",
            nestedLarge[last] == 1 && singleLarge[last] == 1,
            "one stage " + percents(singleLarge) + "; nested " + percents(nestedLarge)));
  }

  @Override
  public String headline(List<CellResult> results) {
    double[] single = shares(results, "4k", false);
    double[] nested = shares(results, "4k", true);
    double[] large = shares(results, "2m", true);
    int last = nested.length - 1;
    return "Random reads of 2 KiB from 64 MiB in 4 KiB pages reach %s %% of 200 Gb/s nested, %s %% in one stage: %s times as slow; with 2 MiB pages %s %%."
        .formatted(
            figure(100 * nested[last], 0),
            figure(100 * single[last], 0),
            figure(single[last] / nested[last], 1),
            figure(100 * large[last], 0));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    for (String pages : List.of("4k", "2m")) {
      for (boolean nested : new boolean[] {false, true}) {
        double[] shares = shares(results, pages, nested);
        List<Plot.Point> points = new ArrayList<>();
        for (int i = 0; i < shares.length; i++) {
          points.add(point(SETS.get(i), 100 * shares[i]));
        }
        series.add(new Plot.Series(pages + (nested ? ", nested" : ", one stage"), points));
      }
    }
    return List.of(
        new Plot(
            "e4-iotlb-wall",
            "Share of 200 Gb/s by working set and page size",
            "Bars: percent of line rate that translation lets through, modelled, by working set. "
                + headline(results),
            "working set",
            "percent of 200 Gb/s",
            Plot.Form.BARS,
            series));
  }
}
