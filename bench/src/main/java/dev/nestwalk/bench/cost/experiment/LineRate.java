package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.List;

/** E9: the product's translator against the time that line rate leaves for a translation. */
final class LineRate extends Question {
  /** 1542 bytes on the wire at 200 Gb/s, three translations. */
  private static final double BUDGET_200 = 20.6;

  /** 1542 bytes on the wire at 800 Gb/s, three translations. */
  private static final double BUDGET_800 = 5.1;

  /** Middle half of the rounds over their median: times further apart allow no verdict. */
  private static final double SPREAD = 0.15;

  /** A ring whose pages the IOTLB holds. */
  private static final String HITS = "nic:1500:256";

  /** A working set four times the IOTLB's reach. */
  private static final String MISSES = "random:64m";

  LineRate() {
    super(
        "E9",
        "Line rate in software",
        "Does the product's translator keep up with 200 or 800 Gb/s, three translations a packet?",
        "Hits of the IOTLB fit 20.6 ns nested as well as not, since a hit costs the same. Misses of"
            + " one stage and of two take longer; a nested miss longer than one of one stage,"
            + " though with walk caches far less than six times.",
        new Published(
            "packets of 1542 bytes, three translations each, at 200 Gb/s: 20.6 ns for a "
                + "translation (computed), a quarter of that at 800 Gb/s",
            "A. Lavrov, D. Wentzlaff: HyperTRIO: Hyper-Tenant Translation of I/O Addresses, "
                + "ISCA 2020, pages 487-500",
            "the authors' simulator, github.com/PrincetonUniversity/hypersio at 77edd0b, "
                + "src/sioperf/include/defines.h: DEFAULT_PKT_SIZE_BYTES, TRANSLATIONS_PER_PKT"));
  }

  @Override
  public String reading() {
    return "Times are of one thread on the machine named below, with the stream read from "
        + "arrays; a translation's latency histogram contains the clock, whose cost is "
        + "beside it. A hit in the translator's IOTLB is one look at one place whatever "
        + "lies behind it, so nesting costs next to nothing there. The budget of 800 Gb/s "
        + "is for hardware; one thread that translates one address at a time does not reach "
        + "it here.";
  }

  @Override
  public List<Cell> cells(Size size) {
    boolean small = size == Size.SMALL;
    List<Cell> cells = new ArrayList<>();
    for (String format : List.of("vtd", "smmuv3")) {
      for (String stages : List.of("2", "nested")) {
        for (String workload : List.of(HITS, MISSES)) {
          cells.add(
              Cell.parse("engine=timed iotlb=4096x4 pwc1=1024x1 pwc2=1024x1")
                  .with(Axis.FORMAT, format)
                  .with(Axis.STAGES, stages)
                  .with(Axis.WORKLOAD, workload)
                  .with(Axis.WARMUP, small ? 1_000 : 20_000)
                  .with(Axis.REQUESTS, small ? 1_000 : 100_000));
        }
      }
    }
    return cells;
  }

  private static CellResult chosen(
      List<CellResult> results, String format, boolean nested, String workload) {
    return new Results(results)
        .where(Axis.FORMAT, format)
        .nested(nested)
        .where(Axis.WORKLOAD, workload)
        .one();
  }

  private static double nanos(CellResult result) {
    return result.figures().getOrDefault("translate.ns", Double.NaN);
  }

  private static double spread(CellResult result) {
    return result.figures().getOrDefault("translate.spread", Double.NaN);
  }

  private static String told(CellResult result) {
    return "%s ns, spread %s %%"
        .formatted(figure(nanos(result), 1), figure(100 * spread(result), 0));
  }

  /**
   * A claim that the median of times is no greater than a limit. Unsure where the middle half of
   * any of the rounds spreads over more than 15 % of their median, as the scoreboard judges.
   *
   * @param limit in nanoseconds
   * @param limits spread of what the limit was measured with, 0 if it is given
   * @param found what was measured, in words
   */
  private static Verdict below(
      String claim, CellResult result, double limit, double limits, String found) {
    Verdict.Answer answer = Verdict.Answer.UNSURE;
    if (spread(result) <= SPREAD && limits <= SPREAD) {
      answer = nanos(result) <= limit ? Verdict.Answer.HOLDS : Verdict.Answer.FAILS;
    }
    return new Verdict(claim, answer, found);
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    List<Verdict> verdicts = new ArrayList<>();
    for (String format : List.of("vtd", "smmuv3")) {
      CellResult nestedHits = chosen(results, format, true, HITS);
      CellResult singleMisses = chosen(results, format, false, MISSES);
      CellResult nestedMisses = chosen(results, format, true, MISSES);
      verdicts.add(
          below(
              format + ": a nested hit fits 20.6 ns (200 Gb/s)",
              nestedHits,
              BUDGET_200,
              0,
              told(nestedHits)));
      verdicts.add(
          below(
              format + ": a nested miss costs less than six of one stage",
              nestedMisses,
              6 * nanos(singleMisses),
              spread(singleMisses),
              "%s; of one stage %s".formatted(told(nestedMisses), told(singleMisses))));
      long hits = nestedHits.counts().get("iotlb.hit");
      long all = nestedHits.counts().get("access");
      verdicts.add(
          Verdict.of(
              format + ": the ring's pages hit",
              hits >= 0.99 * all,
              "%d hits of %d".formatted(hits, all)));
    }
    return verdicts;
  }

  @Override
  public String headline(List<CellResult> results) {
    CellResult hit = chosen(results, "vtd", true, HITS);
    CellResult hitSingle = chosen(results, "vtd", false, HITS);
    CellResult miss = chosen(results, "vtd", true, MISSES);
    CellResult missSingle = chosen(results, "vtd", false, MISSES);
    return "The translator takes %s ns for a nested hit and %s ns in one stage (budget %s ns at 200 Gb/s, %s at 800), %s and %s ns where three of four miss: nesting costs %s times there.%s"
        .formatted(
            figure(nanos(hit), 1),
            figure(nanos(hitSingle), 1),
            figure(BUDGET_200, 1),
            figure(BUDGET_800, 1),
            figure(nanos(miss), 1),
            figure(nanos(missSingle), 1),
            figure(nanos(miss) / nanos(missSingle), 1),
            doubt(List.of(hit, hitSingle, miss, missSingle)));
  }

  /** What the spread of the rounds leaves of such figures, empty where they stand. */
  private static String doubt(List<CellResult> timed) {
    double widest = 0;
    for (CellResult result : timed) {
      // NaN, which is no spread, stays.
      widest = Math.max(widest, spread(result));
    }
    return widest <= SPREAD
        ? ""
        : " These figures are unsure: rounds spread over up to %s %%."
            .formatted(figure(100 * widest, 0));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    for (boolean nested : new boolean[] {false, true}) {
      List<Plot.Point> points = new ArrayList<>();
      for (String format : List.of("vtd", "smmuv3")) {
        points.add(point(format + " hits", nanos(chosen(results, format, nested, HITS))));
        points.add(point(format + " misses", nanos(chosen(results, format, nested, MISSES))));
      }
      series.add(new Plot.Series(nested ? "nested" : "one stage", points));
    }
    return List.of(
        new Plot(
            "e9-line-rate",
            "Time of a translation by the product's translator",
            "Bars: nanoseconds of a translation, measured, beside budgets of 20.6 and 5.1 ns. "
                + headline(results),
            "format and where it is found",
            "ns a translation",
            Plot.Form.BARS,
            series));
  }
}
