package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.Experiments;
import dev.nestwalk.bench.cost.Runner;
import dev.nestwalk.bench.cost.Verdict;
import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.bench.cost.report.HtmlReport;
import dev.nestwalk.bench.cost.report.RunDocument;
import dev.nestwalk.bench.cost.sweep.CellRunner;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs experiments; with no name, all of them, and writes the report. */
@Command(
    name = "nestwalk cost",
    mixinStandardHelpOptions = true,
    description = {
      "The cost of nesting: what two stages of translation cost a workload, compared with one.",
      "Without arguments: runs all experiments, in about five minutes, and writes"
          + " nestwalk-cost.html."
    },
    subcommands = {
      SweepCommand.class,
      CompareCommand.class,
      MergeCommand.class,
      SlurmCommand.class,
      TraceCommand.class
    },
    footer = {
      "",
      "Exit status: 0 done, 1 an expected shape was not found,",
      "2 bad usage or unreadable input.",
      "",
      "Example: nestwalk cost E1 E4 --quick --html report.html"
    })
final class CostCommand implements Callable<Integer> {
  private static final Path REPORT = Path.of("nestwalk-cost.html");

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private Outputs outputs = new Outputs();

  @Parameters(
      paramLabel = "EXPERIMENT",
      arity = "0..*",
      description = "E1 to E9; all of them if none is named. --list says what each asks.")
  private List<String> names = new ArrayList<>();

  @Option(names = "--list", description = "Lists the experiments with their questions.")
  private boolean lists;

  @Option(names = "--quick", description = "Fewer and smaller cells: seconds, not minutes.")
  private boolean quick;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of all that is random (default: 1).")
  private int seed = 1;

  @Mixin private LatencyOption latency = new LatencyOption();

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Counted cells at a time (default: one for each processor).")
  private int threads = Runtime.getRuntime().availableProcessors();

  CostCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (lists) {
      Experiments.all()
          .forEach(e -> out.println("%s  %s%n    %s".formatted(e.name(), e.title(), e.question())));
      return CostMain.DONE;
    }
    Arguments.atLeast("--threads", threads, 1);
    Arguments.atLeast("--seed", seed, 0);
    if (!outputs.isAsked() && names.isEmpty()) {
      outputs.page(REPORT);
    }
    outputs.check();
    List<Experiment> chosen = chosen();
    Experiment.Size size = quick ? Experiment.Size.SMALL : Experiment.Size.TOUR;
    Set<Cell> cells = new LinkedHashSet<>();
    for (Experiment experiment : chosen) {
      experiment.cells(size).forEach(cell -> cells.add(seeded(cell)));
    }
    if (names.isEmpty()) {
      HtmlReport.overview(size).forEach(cell -> cells.add(seeded(cell)));
    }
    Map<Cell, CellResult> results = run(cells);
    List<HtmlReport.Answered> answered = new ArrayList<>();
    for (Experiment experiment : chosen) {
      List<CellResult> mine = new ArrayList<>();
      for (Cell cell : experiment.cells(size)) {
        CellResult result = results.get(seeded(cell));
        if (result != null) {
          mine.add(as(cell, result));
        }
      }
      answered.add(new HtmlReport.Answered(experiment, mine));
    }
    boolean found = tell(answered, out);
    Map<String, String> manifest =
        Manifest.of(spec.commandLine().getParseResult().originalArgs(), latency.model());
    manifest.put("seed", Integer.toString(seed));
    manifest.put("size", size.name().toLowerCase(Locale.ROOT));
    RunDocument document =
        new RunDocument(
            manifest,
            chosen.stream().map(Experiment::name).toList(),
            List.copyOf(results.values()));
    out.println("counted digest " + document.countedDigest());
    outputs.write(document, answered, out);
    return found ? CostMain.DONE : CostMain.NO;
  }

  private List<Experiment> chosen() {
    List<Experiment> all = Experiments.with(latency.model());
    if (names.isEmpty()) {
      return all;
    }
    List<Experiment> chosen = new ArrayList<>();
    for (String name : new LinkedHashSet<>(names)) {
      try {
        chosen.add(all.get(Experiments.all().indexOf(Experiments.of(name))));
      } catch (IllegalArgumentException e) {
        throw new CostException(e.getMessage() + ", or sweep, compare, merge, slurm, trace");
      }
    }
    return chosen;
  }

  private Cell seeded(Cell cell) {
    return cell.with(Axis.SEED, seed);
  }

  /** Judges look for the cells that they named, whatever the seed was. */
  private static CellResult as(Cell cell, CellResult result) {
    return new CellResult(
        cell, result.counts(), result.histograms(), result.figures(), result.manifest());
  }

  private Map<Cell, CellResult> run(Set<Cell> cells) {
    Map<Cell, CellResult> results = new TreeMap<>();
    try (ProgressLine progress = ProgressLine.of(spec.commandLine().getErr())) {
      new CellRunner(Runner::run, threads)
          .run(
              cells,
              progress,
              finished -> {
                CellResult result = finished.result();
                if (result == null) {
                  throw new IllegalStateException(finished.cell() + ": " + finished.refused());
                }
                results.put(finished.cell(), result);
              });
    }
    return results;
  }

  private static boolean tell(List<HtmlReport.Answered> answered, PrintWriter out) {
    boolean found = true;
    for (HtmlReport.Answered one : answered) {
      Experiment experiment = one.experiment();
      out.println(experiment.name() + "  " + experiment.title());
      out.println("    " + experiment.headline(one.results()));
      for (Verdict verdict : one.verdicts()) {
        found &= verdict.answer() != Verdict.Answer.FAILS;
        out.println(
            "    %-6s  %s: %s"
                .formatted(
                    verdict.answer().name().toLowerCase(Locale.ROOT),
                    verdict.claim(),
                    verdict.measured()));
      }
    }
    return found;
  }
}
