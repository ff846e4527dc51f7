package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Runner;
import dev.nestwalk.bench.cost.Workload;
import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.bench.cost.sweep.SweepPlan;
import dev.nestwalk.bench.cost.trace.TraceFile;
import dev.nestwalk.bench.cost.trace.TraceFormat;
import dev.nestwalk.bench.cost.trace.TraceSummary;
import dev.nestwalk.bench.cost.workload.Workloads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/** What a sweep runs over. */
final class SweepOptions {
  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description = "The workload is a trace: its devices, its PASIDs, its requests.")
  private @Nullable Path trace;

  @Option(
      names = "--trace-format",
      paramLabel = "FORM",
      description = "nestwalk, qemu, hypersio, blkparse, msr or pcap (default: found out).")
  private @Nullable String traceFormat;

  SweepOptions() {}

  /**
   * A sweep.
   *
   * @param engine runs a cell of it
   * @param about what the trace holds, "" without one
   */
  record Sweep(SweepPlan plan, Function<Cell, CellResult> engine, String about) {}

  /** Reads the axes' options of a command. */
  Sweep sweep(CommandSpec spec) {
    Map<Axis, List<String>> axes = new EnumMap<>(Axis.class);
    for (Axis axis : Axis.values()) {
      String list = value(spec, "--" + axis.label());
      if (list != null) {
        axes.put(axis, SweepPlan.values(axis, list));
      }
    }
    String pages = value(spec, "--pages");
    boolean both = pages != null;
    if (both && (axes.containsKey(Axis.PAGES1) || axes.containsKey(Axis.PAGES2))) {
      throw new CostException("--pages: is for both stages, expected no --pages1 or --pages2");
    }
    Path file = trace;
    if (file == null) {
      if (traceFormat != null) {
        throw new CostException("--trace-format: expected --trace FILE");
      }
      SweepPlan plan = plan(Cell.standard(), axes, pages);
      // An unknown name is a mistake, not a combination that is none.
      plan.cells().stream().map(cell -> cell.get(Axis.WORKLOAD)).distinct().forEach(Workloads::of);
      return new Sweep(plan, Runner::run, "");
    }
    for (Axis axis : new Axis[] {Axis.WORKLOAD, Axis.TENANTS}) {
      if (axes.containsKey(axis)) {
        throw new CostException("--%s: the trace says it".formatted(axis.label()));
      }
    }
    TraceFile opened = open(file, traceFormat);
    TraceSummary summary = opened.scan();
    Workload workload = opened.workload();
    SweepPlan plan = plan(opened.cell(Cell.standard(), summary), axes, pages);
    return new Sweep(plan, cell -> Runner.run(cell, workload), summary.line());
  }

  static TraceFile open(Path file, @Nullable String format) {
    return TraceFile.open(file, format == null ? null : TraceFormat.of(format));
  }

  /** Mixes of both stages vary together. */
  private static SweepPlan plan(
      Cell standard, Map<Axis, List<String>> axes, @Nullable String pages) {
    if (pages == null) {
      return SweepPlan.of(standard, axes);
    }
    List<Cell> cells = new ArrayList<>();
    for (String mix : SweepPlan.values(Axis.PAGES1, pages)) {
      Map<Axis, List<String>> one = new EnumMap<>(axes);
      one.put(Axis.PAGES1, List.of(mix));
      one.put(Axis.PAGES2, List.of(mix));
      cells.addAll(SweepPlan.of(standard, one).cells());
      if (cells.size() > SweepPlan.MOST_CELLS) {
        throw new CostException("more than %d cells".formatted(SweepPlan.MOST_CELLS));
      }
    }
    return new SweepPlan(cells);
  }

  private static @Nullable String value(CommandSpec spec, String name) {
    OptionSpec option = spec.findOption(name);
    return option == null ? null : option.getValue();
  }
}
