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

/** E5: what the order of a ring gives away: locality, and the next buffer. */
final class RingPrefetch extends Question {
  private static final List<Integer> AHEAD = List.of(0, 1, 2, 4);
  private static final List<String> SIZES = List.of("imix", "1500", "9000");

  private final LatencyModel model;

  RingPrefetch(LatencyModel model) {
    super(
        "E5",
        "Ring locality and prefetch",
        "How many misses does a packet have under strict unmapping, and how many if the ring's next"
            + " buffers are translated ahead?",
        "Each packet's data pages miss, since they were mapped anew; descriptor and completion"
            + " hit. Translating one buffer ahead takes the data's misses away, more ahead adds"
            + " nothing. Neighbouring buffers share their tables, so a miss with walk caches reads"
            + " few entries.",
        new Published(
            "a flat table for a ring needs exactly one IOTLB entry, and each new "
                + "translation invalidates the former: 0.77 to 1.00 of the throughput without an "
                + "IOMMU",
            "M. Malka, N. Amit, M. Ben-Yehuda, D. Tsafrir: rIOMMU: Efficient IOMMU for I/O "
                + "Devices that Employ Ring Buffers, ASPLOS 2015, pages 355-368",
            "the abstract; that the entry after it is fetched ahead is cited from memory"),
        new Published(
            "misses cannot be avoided under strict protection, but be made cheap: addresses "
                + "side by side in a ring, walk caches kept unless tables change, unmaps in "
                + "batches leave near-zero overhead",
            "B. Rubin, S. Agarwal, Q. Cai, R. Agarwal: Fast & Safe IO Memory Protection, "
                + "SOSP 2024",
            "the readme of the authors' artifact, "
                + "github.com/xlab-uiuc/Fast-and-Safe-IO-Memory-Protection; the authors' names "
                + "are cited from memory"));
    this.model = model;
  }

  @Override
  public String reading() {
    return "rIOMMU needs no IOTLB at all with a flat table for each ring; we keep the formats' "
        + "tables and only announce the next buffer, which takes the same misses away. Our "
        + "allocator returns the address that was freed last, so neighbouring buffers stay "
        + "neighbours for ever; Linux's magazines are shared by processors and mix addresses over "
        + "time, which Fast & Safe found to cost walk-cache hits. Time of translations that "
        + "nobody waits for is not counted.";
  }

  @Override
  public List<Cell> cells(Size size) {
    Cell load =
        Cell.parse("invalidate=strict iotlb=64x8 pwc1=16x4 pwc2=16x4 ntlb=16x4")
            .with(Axis.REQUESTS, size == Size.SMALL ? 1_000 : 20_000)
            .with(Axis.WARMUP, size == Size.SMALL ? 600 : 2_000);
    List<Cell> cells = new ArrayList<>();
    for (String stages : List.of("1", "nested")) {
      for (String bytes : SIZES) {
        for (int ahead : AHEAD) {
          cells.add(
              load.with(Axis.STAGES, stages)
                  .with(Axis.WORKLOAD, "nic:" + bytes + ":256")
                  .with(Axis.PREFETCH, ahead));
        }
      }
    }
    return cells;
  }

  private static double[] misses(List<CellResult> results, String bytes, boolean nested) {
    return AHEAD.stream()
        .mapToDouble(
            ahead -> chosen(results, bytes, nested, ahead).counts().per("iotlb.miss", "request"))
        .toArray();
  }

  private static CellResult chosen(
      List<CellResult> results, String bytes, boolean nested, int ahead) {
    return new Results(results)
        .nested(nested)
        .where(Axis.WORKLOAD, "nic:" + bytes + ":256")
        .where(Axis.PREFETCH, ahead)
        .one();
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    List<Verdict> verdicts = new ArrayList<>();
    for (String bytes : SIZES) {
      int pages = bytes.equals("9000") ? 3 : 1;
      double[] single = misses(results, bytes, false);
      double[] nested = misses(results, bytes, true);
      String measured = "nested " + figures(nested, 2) + "; one stage " + figures(single, 2);
      verdicts.add(
          Verdict.of(
              bytes + ": about " + pages + " misses a packet",
              nested[0] >= pages && nested[0] < pages + 0.6 && single[0] == nested[0],
              measured));
      verdicts.add(
          Verdict.of(
              bytes + ": one buffer ahead takes the data's misses away, nested and not",
              nested[0] - nested[1] >= 0.95 * pages && single[0] - single[1] >= 0.95 * pages,
              measured));
      verdicts.add(
          Verdict.of(
              bytes + ": more ahead adds less than a tenth of a miss",
              Math.abs(nested[3] - nested[1]) < 0.1 && Math.abs(single[3] - single[1]) < 0.1,
              measured));
    }
    double aheadNested = nanos(results, true, 1);
    double aheadSingle = nanos(results, false, 1);
    verdicts.add(
        Verdict.of(
            "1500: translated ahead, a packet waits for look-ups in the IOTLB alone, nested as in"
                + " one stage",
            Math.abs(aheadNested - aheadSingle) < 0.5
                && Math.abs(aheadNested - nanosOfLookups(results)) < 0.5,
            "%s and %s ns".formatted(figure(aheadNested, 1), figure(aheadSingle, 1))));
    double nested = chosen(results, "1500", true, 0).counts().per("ref", "walk");
    double single = chosen(results, "1500", false, 0).counts().per("ref", "walk");
    verdicts.add(
        Verdict.of(
            "with walk caches a miss reads at most 1.5 entries in one stage and 4 nested",
            single <= 1.5 && nested <= 4,
            figure(single, 2) + " and " + figure(nested, 2)));
    return verdicts;
  }

  private double nanos(List<CellResult> results, boolean nested, int ahead) {
    return model.nanosPerRequest(chosen(results, "1500", nested, ahead).counts());
  }

  private double nanosOfLookups(List<CellResult> results) {
    return model.iotlb() / 1e3 * chosen(results, "1500", true, 1).counts().per("access", "request");
  }

  @Override
  public String headline(List<CellResult> results) {
    double nested = nanos(results, true, 0);
    double single = nanos(results, false, 0);
    return "A packet of 1500 bytes waits %s ns for translations nested, %s ns in one stage: %s times as long; with the next buffer translated ahead %s and %s ns."
        .formatted(
            figure(nested, 0),
            figure(single, 0),
            figure(nested / single, 1),
            figure(nanos(results, true, 1), 0),
            figure(nanos(results, false, 1), 0));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    for (boolean nested : new boolean[] {false, true}) {
      List<Plot.Point> points = new ArrayList<>();
      for (int ahead : AHEAD) {
        points.add(point(ahead, nanos(results, nested, ahead)));
      }
      series.add(new Plot.Series(nested ? "nested" : "one stage", points));
    }
    return List.of(
        new Plot(
            "e5-ring-prefetch",
            "Time for translations of a packet by buffers translated ahead",
            "Bars: nanoseconds that a packet of 1500 bytes waits for translations, modelled. "
                + headline(results),
            "buffers translated ahead",
            "ns a packet",
            Plot.Form.BARS,
            series));
  }
}
