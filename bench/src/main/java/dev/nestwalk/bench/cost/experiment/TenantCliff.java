package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** E3: tenants that share a unit, and the cliff where their pages outgrow its IOTLB. */
final class TenantCliff extends Question {
  /** Each tenant's ring of 8 buffers, its descriptors, its completions. */
  private static final int PAGES = 10;

  private static final int ENTRIES = 256;
  private static final String HASHED = "256x8lru-hash";
  private static final String BY_BITS = "256x8lru";
  private static final int GIGABITS = 200;

  private final LatencyModel model;

  TenantCliff(LatencyModel model) {
    super(
        "E3",
        "Tenants and the cliff",
        "What does the IOTLB still answer when 1 to 1,024 tenants with a network card's ring each"
            + " share it?",
        "Nearly everything while all tenants' pages fit, nearly nothing once round robin takes it"
            + " past them: 256 entries hold 25 tenants of 10 pages. Sets chosen by address bits,"
            + " which all tenants have in common, fall off earlier than hashed ones. Bursts of 16"
            + " packets keep part of the hits.",
        new Published(
            "bandwidth collapses as tenants approach the hyper-tenant regime; partitioned "
                + "caches, translations under way side by side and prefetching get all of it "
                + "back; 1,000 tenants simulated",
            "A. Lavrov, D. Wentzlaff: HyperTRIO: Hyper-Tenant Translation of I/O Addresses, "
                + "ISCA 2020, pages 487-500",
            "the abstract; the collapse in an excerpt of the introduction"));
    this.model = model;
  }

  private static List<Integer> tenants(Size size) {
    return size == Size.SMALL
        ? List.of(1, 8, 16, 64, 128)
        : List.of(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024);
  }

  @Override
  public String reading() {
    return "HyperTRIO reports the collapse in bandwidth of a whole system with its own link and "
        + "packet model; we have the cliff where the arithmetic puts it, at 25 tenants for 256 "
        + "entries, and the share of line rate only by our latency model. All tenants have the "
        + "same addresses, because each has a kernel of its own that allocates from the top down: "
        + "sets chosen by address bits alone therefore hold as many tenants as they have ways, 8.";
  }

  @Override
  public List<Cell> cells(Size size) {
    Cell load =
        Cell.parse(
            "workload=nic:1500:8 context=1024x4 pasidcache=1024x4 pwc1=32x4 pwc2=32x4 ntlb=32x4");
    List<Cell> cells = new ArrayList<>();
    for (String stages : List.of("2", "nested")) {
      for (int tenants : tenants(size)) {
        Cell cell =
            load.with(Axis.STAGES, stages)
                .with(Axis.TENANTS, tenants)
                .with(Axis.WARMUP, 16L * tenants)
                .with(Axis.REQUESTS, Math.max(2_000, 16L * tenants));
        cells.add(cell.with(Axis.IOTLB, HASHED));
        cells.add(cell.with(Axis.IOTLB, BY_BITS));
        cells.add(cell.with(Axis.IOTLB, HASHED).with(Axis.BURST, 16));
      }
    }
    return cells;
  }

  private static Results chosen(List<CellResult> results, boolean nested, String iotlb, int burst) {
    return new Results(results).nested(nested).where(Axis.IOTLB, iotlb).where(Axis.BURST, burst);
  }

  private static double[] hits(Results some) {
    return some.numbers(Axis.TENANTS).stream()
        .mapToDouble(
            tenants -> some.where(Axis.TENANTS, tenants).counts().per("iotlb.hit", "access"))
        .toArray();
  }

  private double share(Results some, int tenants) {
    return model.shareOfLine(some.where(Axis.TENANTS, tenants).counts(), GIGABITS);
  }

  private static String percent(double[] hits) {
    return figures(Arrays.stream(hits).map(hit -> 100 * hit).toArray(), 1) + " %";
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    List<Verdict> verdicts = new ArrayList<>();
    for (boolean nested : new boolean[] {false, true}) {
      String mode = nested ? "nested" : "one stage";
      Results hashed = chosen(results, nested, HASHED, 1);
      double[] hits = hits(hashed);
      double[] byBits = hits(chosen(results, nested, BY_BITS, 1));
      double[] bursts = hits(chosen(results, nested, HASHED, 16));
      List<Integer> tenants = hashed.numbers(Axis.TENANTS);
      boolean fits = true;
      boolean falls = true;
      for (int i = 0; i < hits.length; i++) {
        int pages = tenants.get(i) * PAGES;
        fits &= pages > ENTRIES * 5 / 8 || hits[i] > 0.9;
        falls &= pages < 4 * ENTRIES || hits[i] < 0.1;
      }
      int last = hits.length - 1;
      verdicts.add(
          Verdict.of(
              mode + ": more than 90 % hits while the pages take five eighths of the IOTLB",
              fits,
              percent(hits)));
      verdicts.add(
          Verdict.of(
              mode + ": less than 10 % hits beyond four times the IOTLB, round robin",
              falls && hits[last] < 0.1,
              percent(hits)));
      verdicts.add(
          Verdict.of(
              mode + ": sets by address bits fall off no later than hashed ones",
              sum(byBits) <= sum(hits),
              "by bits " + percent(byBits) + "; hashed " + percent(hits)));
      verdicts.add(
          Verdict.of(
              mode + ": bursts of 16 keep hits that single packets lose",
              bursts[last] > hits[last] + 0.2,
              "bursts " + percent(bursts) + "; single packets " + percent(hits)));
    }
    return verdicts;
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }

  @Override
  public String headline(List<CellResult> results) {
    Results single = chosen(results, false, HASHED, 1);
    Results nested = chosen(results, true, HASHED, 1);
    int most = single.numbers(Axis.TENANTS).getLast();
    double one = share(single, most);
    double both = share(nested, most);
    return "With %d tenants round robin the unit lets %s %% of 200 Gb/s through nested, %s %% in one stage: nesting is %s times as slow."
        .formatted(most, figure(100 * both, 1), figure(100 * one, 1), figure(one / both, 1));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    List<Plot.Series> shares = new ArrayList<>();
    for (boolean nested : new boolean[] {false, true}) {
      String mode = nested ? "nested" : "one stage";
      series.add(line(mode, chosen(results, nested, HASHED, 1)));
      if (nested) {
        series.add(line("nested, sets by bits", chosen(results, true, BY_BITS, 1)));
        series.add(line("nested, bursts of 16", chosen(results, true, HASHED, 16)));
      }
      Results some = chosen(results, nested, HASHED, 1);
      List<Plot.Point> points = new ArrayList<>();
      some.numbers(Axis.TENANTS)
          .forEach(tenants -> points.add(point(tenants, 100 * share(some, tenants))));
      shares.add(new Plot.Series(mode, points));
    }
    return List.of(
        new Plot(
            "e3-tenants",
            "IOTLB hits by number of tenants",
            "Lines: percent of look-ups that an IOTLB of 256 entries answers. " + headline(results),
            "tenants",
            "percent of look-ups that hit",
            Plot.Form.LOG_LINES,
            series),
        new Plot(
            "e3-line-rate",
            "Share of 200 Gb/s by number of tenants",
            "Lines: percent of line rate that translation lets through, modelled. "
                + headline(results),
            "tenants",
            "percent of 200 Gb/s",
            Plot.Form.LOG_LINES,
            shares));
  }

  private static Plot.Series line(String name, Results some) {
    List<Integer> tenants = some.numbers(Axis.TENANTS);
    double[] hits = hits(some);
    List<Plot.Point> points = new ArrayList<>();
    for (int i = 0; i < hits.length; i++) {
      points.add(point(tenants.get(i), 100 * hits[i]));
    }
    return new Plot.Series(name, points);
  }
}
