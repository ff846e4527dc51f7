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

/** E8: a device TLB of 0 to 1,024 entries, shared by the PASIDs of a device. */
final class DeviceTlb extends Question {
  private static final List<String> SIZES = List.of("0", "16x4", "64x4", "256x4", "1024x4");

  /** Each process's ring of 14 buffers, its descriptors, its completions. */
  private static final int PAGES = 16;

  private static final String LOAD = "nic:1500:14";

  private final LatencyModel model;

  DeviceTlb(LatencyModel model) {
    super(
        "E8",
        "Device TLB and PASIDs",
        "How much does a device TLB take off the unit when 1, 8 or 64 processes share a device?",
        "Requests to the unit fall with the size of the device TLB and are gone once it holds every"
            + " process's pages; more processes need more of it. What hits in the device costs the"
            + " same nested as not, so the cost of nesting goes towards 1; a device TLB that is too"
            + " small costs two ways over PCIe for each miss and is worse than none.",
        new Published(
            "a way over PCIe takes 450 ns, so that a request to the unit costs a device 900 "
                + "ns",
            "A. Lavrov, D. Wentzlaff: HyperTRIO: Hyper-Tenant Translation of I/O Addresses, "
                + "ISCA 2020, pages 487-500",
            "the authors' simulator, github.com/PrincetonUniversity/hypersio at 77edd0b, "
                + "src/sioperf/include/defines.h: SIM_LAT_PCIE"));
    this.model = model;
  }

  private static List<Integer> processes(Size size) {
    return size == Size.SMALL ? List.of(1, 8) : List.of(1, 8, 64);
  }

  @Override
  public String reading() {
    return "A hit in the device costs neither PCIe nor the unit, nested or not. A miss costs 900 "
        + "ns for the way there and back, more than the nested walk itself with walk caches: a "
        + "device TLB pays only if it holds the working set of all processes, and hides the cost "
        + "of nesting then.";
  }

  @Override
  public List<Cell> cells(Size size) {
    List<Cell> cells = new ArrayList<>();
    for (String stages : List.of("1", "nested")) {
      for (int processes : processes(size)) {
        for (String entries : SIZES) {
          cells.add(
              Cell.parse("iotlb=64x8lru-hash pwc1=16x4 pwc2=16x4 ntlb=16x4 pasidcache=128x4")
                  .with(Axis.WORKLOAD, LOAD)
                  .with(Axis.STAGES, stages)
                  .with(Axis.PASIDS, processes)
                  .with(Axis.ATC, entries.equals("0") ? "0" : entries + "lru-hash")
                  .with(Axis.WARMUP, 40L * processes)
                  .with(Axis.REQUESTS, size == Size.SMALL ? 1_000 : 20_000));
        }
      }
    }
    return cells;
  }

  private static Counts counts(
      List<CellResult> results, boolean nested, int processes, String entries) {
    return new Results(results)
        .nested(nested)
        .where(Axis.PASIDS, processes)
        .where(Axis.ATC, entries.equals("0") ? "0" : entries + "lru-hash")
        .counts();
  }

  /** Requests to the unit for each look-up of the device. */
  private static double[] requests(List<CellResult> results, boolean nested, int processes) {
    return SIZES.stream()
        .mapToDouble(
            entries -> {
              Counts counts = counts(results, nested, processes, entries);
              return entries.equals("0") ? 1 : counts.per("atc.miss", "access");
            })
        .toArray();
  }

  private double nanos(List<CellResult> results, boolean nested, int processes, String entries) {
    return model.nanosPerRequest(counts(results, nested, processes, entries));
  }

  private static String pasids(int count) {
    return count == 1 ? "1 PASID" : count + " PASIDs";
  }

  @Override
  public List<Verdict> judge(List<CellResult> results) {
    List<Verdict> verdicts = new ArrayList<>();
    List<Integer> processes = new Results(results).numbers(Axis.PASIDS);
    int last = SIZES.size() - 1;
    for (int count : processes) {
      for (boolean nested : new boolean[] {false, true}) {
        double[] requests = requests(results, nested, count);
        String mode = (nested ? "nested, " : "one stage, ") + pasids(count) + ": ";
        verdicts.add(
            Verdict.of(
                mode + "requests to the unit never rise with the device TLB",
                Shape.falls(requests, 0.01),
                figures(requests, 3)));
        if (count * PAGES <= 256) {
          verdicts.add(
              Verdict.of(
                  mode + "a device TLB of four times the pages leaves less than 1 % of them",
                  requests[last] < 0.01,
                  figures(requests, 3)));
        }
      }
    }
    int few = processes.get(0);
    int many = processes.getLast();
    double none = nanos(results, true, many, "0") / nanos(results, false, many, "0");
    double full = nanos(results, true, few, "1024x4") / nanos(results, false, few, "1024x4");
    verdicts.add(
        Verdict.of(
            "the cost of nesting is next to nothing where the device TLB holds everything",
            full < 1.01 && none > full,
            "%s times with %s and 1,024 entries, %s times with %d and none"
                .formatted(figure(full, 2), pasids(few), figure(none, 2), many)));
    double small = nanos(results, true, many, "16x4");
    verdicts.add(
        Verdict.of(
            "one that is too small is worse than none",
            small > nanos(results, true, many, "0"),
            "%s ns a packet against %s, %d PASIDs nested"
                .formatted(figure(small, 0), figure(nanos(results, true, many, "0"), 0), many)));
    return verdicts;
  }

  @Override
  public String headline(List<CellResult> results) {
    int many = new Results(results).numbers(Axis.PASIDS).getLast();
    double nested = nanos(results, true, many, "0");
    double single = nanos(results, false, many, "0");
    double nestedFull = nanos(results, true, many, "1024x4");
    double singleFull = nanos(results, false, many, "1024x4");
    return "With %d PASIDs a packet waits %s ns nested and %s ns in one stage without a device TLB (%s times), %s and %s ns with one of 1,024 entries (%s times)."
        .formatted(
            many,
            figure(nested, 0),
            figure(single, 0),
            figure(nested / single, 1),
            figure(nestedFull, 0),
            figure(singleFull, 0),
            figure(nestedFull / singleFull, 1));
  }

  @Override
  public List<Plot> plots(List<CellResult> results) {
    List<Plot.Series> series = new ArrayList<>();
    for (int processes : new Results(results).numbers(Axis.PASIDS)) {
      for (boolean nested : new boolean[] {false, true}) {
        List<Plot.Point> points = new ArrayList<>();
        for (String entries : SIZES) {
          points.add(
              point(entries.replaceAll("x.*", ""), nanos(results, nested, processes, entries)));
        }
        series.add(
            new Plot.Series(pasids(processes) + (nested ? ", nested" : ", one stage"), points));
      }
    }
    return List.of(
        new Plot(
            "e8-device-tlb",
            "Time for translations of a packet by size of the device TLB",
            "Bars: nanoseconds that a packet waits for translations, modelled, by entries of the"
                + " device TLB. "
                + headline(results),
            "entries of the device TLB",
            "ns a packet",
            Plot.Form.BARS,
            series));
  }
}
