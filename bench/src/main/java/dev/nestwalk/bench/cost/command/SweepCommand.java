package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Environment;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.report.RunDocument;
import dev.nestwalk.bench.cost.report.SweepTable;
import dev.nestwalk.bench.cost.sweep.CellRunner;
import dev.nestwalk.bench.cost.sweep.CellStore;
import dev.nestwalk.bench.cost.sweep.Finished;
import dev.nestwalk.bench.cost.sweep.Shard;
import dev.nestwalk.bench.cost.sweep.SweepPlan;
import dev.nestwalk.fixtures.OneLine;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs the cross product of any axes. */
@Command(
    name = "sweep",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Runs every combination of the values given for the axes.",
      "Finished cells are kept in a folder. Repeat the command to go on where it was interrupted."
    },
    footer = {
      "",
      "Example: nestwalk cost sweep --workload nic:1500 --stages 2,nested --iotlb 64x8lru,4096x4lru"
          + " --tenants 1,16,256 --invalidate strict,lazy --html sweep.html"
    })
final class SweepCommand implements Callable<Integer> {
  private static final int SHORT = 8;
  private static final int SHOWN = 40;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private Outputs outputs = new Outputs();
  @Mixin private SweepOptions options = new SweepOptions();
  @Mixin private LatencyOption latency = new LatencyOption();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Keeps finished cells there (default: nestwalk-sweep-DIGEST).")
  private @Nullable Path folder;

  @Option(names = "--shard", paramLabel = "I/N", description = "Runs the I-th of N parts.")
  private String shard = "1/1";

  @Option(
      names = "--dry-run",
      description = "Only says how many cells there are, and about how long they take.")
  private boolean dry;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Counted cells at a time (default: one for each processor).")
  private int threads = Runtime.getRuntime().availableProcessors();

  SweepCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    Arguments.atLeast("--threads", threads, 1);
    Shard part = Shard.parse(shard);
    // A mistake in it is told before anything runs.
    LatencyModel ignored = latency.model();
    outputs.check();
    SweepOptions.Sweep sweep = options.sweep(spec);
    if (!sweep.about().isEmpty()) {
      out.println(sweep.about());
    }
    List<Cell> cells = sweep.plan().shard(part.number(), part.of());
    CellRunner runner = new CellRunner(sweep.engine(), threads);
    if (dry) {
      out.println(
          "%d cells%s, about %s on this machine"
              .formatted(
                  cells.size(),
                  part.of() == 1 ? "" : " in shard " + part,
                  ProgressLine.time(runner.estimate(cells))));
      return CostMain.DONE;
    }
    Path kept = folder;
    if (kept == null) {
      kept = Path.of("nestwalk-sweep-" + sweep.plan().digest().substring(0, SHORT));
    }
    Map<Cell, Finished> done = new TreeMap<>();
    try (CellStore store = CellStore.open(kept, sweep.plan(), part);
        ProgressLine progress = ProgressLine.of(spec.commandLine().getErr())) {
      for (Finished finished : store.before()) {
        if (isOfThisBuild(finished)) {
          done.put(finished.cell(), finished);
        }
      }
      List<Cell> left = cells.stream().filter(cell -> !done.containsKey(cell)).toList();
      if (!done.isEmpty()) {
        out.println("%d cells were finished before".formatted(cells.size() - left.size()));
      }
      out.flush();
      runner.run(
          left,
          progress,
          finished -> {
            store.add(finished);
            done.put(finished.cell(), finished);
          });
    }
    return tell(kept, cells, done, out);
  }

  /** What another commit counted is counted anew. */
  private static boolean isOfThisBuild(Finished finished) {
    CellResult result = finished.result();
    String commit = Environment.manifest().getOrDefault("commit", "unknown");
    return result == null || commit.equals(result.manifest().getOrDefault("commit", "unknown"));
  }

  private int tell(Path kept, List<Cell> cells, Map<Cell, Finished> done, PrintWriter out) {
    List<CellResult> results = new ArrayList<>();
    List<Finished> refused = new ArrayList<>();
    for (Cell cell : cells) {
      Finished finished = done.get(cell);
      if (finished != null && finished.result() != null) {
        results.add(finished.result());
      } else if (finished != null) {
        refused.add(finished);
      }
    }
    if (results.isEmpty() && !refused.isEmpty()) {
      throw new IllegalArgumentException("no cell can be run: " + refused.get(0).refused());
    }
    Map<String, String> manifest =
        Manifest.of(spec.commandLine().getParseResult().originalArgs(), latency.model());
    RunDocument document = new RunDocument(manifest, List.of(), results);
    SweepPrinter.print(new SweepTable(document), SHOWN, out);
    out.println(
        "%d cells in %s, counted digest %s"
            .formatted(results.size(), kept, document.countedDigest()));
    if (!refused.isEmpty()) {
      out.println(
          OneLine.shown(
              "%d cells contradict themselves and were left out; the first: %s"
                  .formatted(refused.size(), refused.get(0).refused())));
    }
    outputs.write(document, List.of(), out);
    return CostMain.DONE;
  }

  /** Plans need no more than their cells here. */
  static SweepPlan planOf(SweepOptions options, CommandSpec spec) {
    return options.sweep(spec).plan();
  }
}
