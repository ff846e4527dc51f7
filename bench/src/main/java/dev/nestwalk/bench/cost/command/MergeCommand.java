package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.report.RunDocument;
import dev.nestwalk.bench.cost.report.SweepTable;
import dev.nestwalk.bench.cost.sweep.Merged;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shards put together. */
@Command(
    name = "merge",
    mixinStandardHelpOptions = true,
    description = {
      "Puts shards of a sweep together: folders of cost sweep --out, or files of --json.",
      "Counts add, histograms merge; duplicates and holes are named."
    },
    footer = {
      "",
      "Exit status: 0 whole, 1 cells are missing or contradict each other,",
      "2 unreadable input.",
      "",
      "Example: nestwalk cost merge results --json all.json --html all.html"
    })
final class MergeCommand implements Callable<Integer> {
  private static final int NAMED = 20;
  private static final int SHOWN = 40;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private Outputs outputs = new Outputs();
  @Mixin private LatencyOption latency = new LatencyOption();

  @Parameters(paramLabel = "DIR", arity = "1..*", description = "Folders, or files of --json.")
  private List<Path> sources = new ArrayList<>();

  MergeCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    outputs.check();
    Merged merged = Merged.of(sources);
    RunDocument document =
        new RunDocument(
            Manifest.of(spec.commandLine().getParseResult().originalArgs(), latency.model()),
            List.of(),
            merged.results());
    SweepPrinter.print(new SweepTable(document), SHOWN, out);
    name("cells came more than once", merged.duplicates(), out);
    name("cells contradict each other: counts differ", merged.contradictions(), out);
    name("cells are missing", merged.holes(), out);
    if (!merged.refused().isEmpty()) {
      out.println(
          "%d cells contradict themselves and were left out".formatted(merged.refused().size()));
    }
    out.println(
        "%d cells, %d requests, %d entries read, counted digest %s"
            .formatted(
                merged.results().size(),
                merged.total().get("request"),
                merged.total().get("ref"),
                document.countedDigest()));
    outputs.write(document, List.of(), out);
    return merged.isWhole() ? CostMain.DONE : CostMain.NO;
  }

  private static void name(String what, List<Cell> cells, PrintWriter out) {
    if (cells.isEmpty()) {
      return;
    }
    out.println("%d %s:".formatted(cells.size(), what));
    for (Cell cell : cells.subList(0, Math.min(NAMED, cells.size()))) {
      String text = cell.textBeside(Cell.standard());
      out.println("  " + (text.isEmpty() ? "all defaults" : text));
    }
    if (cells.size() > NAMED) {
      out.println("  … and %d more".formatted(cells.size() - NAMED));
    }
  }
}
