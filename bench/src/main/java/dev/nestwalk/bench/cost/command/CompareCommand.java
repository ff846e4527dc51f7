package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.report.Comparison;
import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.bench.cost.report.RunDocument;
import dev.nestwalk.fixtures.OneLine;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Two machines, or two commits. */
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description = {
      "Compares two results, of two machines or two commits.",
      "Counts are exact, so any difference is shown. A time is higher or lower if its medians lie"
          + " further apart than the middle half of its values spreads; else the verdict is unsure."
          + " One that is not in both files is missing."
    },
    footer = {
      "",
      "Exit status: 0 no count differs, no time is higher and none is missing, 1 one is,",
      "2 unreadable input.",
      "",
      "Example: nestwalk cost compare before.json after.json"
    })
final class CompareCommand implements Callable<Integer> {
  private static final int MOST = 200;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "FILE", arity = "2", description = "Two files that --json wrote.")
  private List<Path> files = new ArrayList<>();

  CompareCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    RunDocument first = RunDocument.read(files.get(0));
    RunDocument second = RunDocument.read(files.get(1));
    Comparison comparison = Comparison.of(first, second);
    describe("A", files.get(0), first, out);
    describe("B", files.get(1), second, out);
    out.println("%d counted cells are equal".formatted(comparison.equal()));
    for (Comparison.Line line :
        comparison.lines().subList(0, Math.min(MOST, comparison.lines().size()))) {
      String text =
          String.format(
              Locale.ROOT,
              "%-8s %-24s A %s  B %s  B/A %s%s  %s",
              line.verdict().words(),
              line.name(),
              figure("%.4g", line.first()),
              figure("%.4g", line.second()),
              figure("%.3f", line.ratio()),
              Double.isNaN(line.spread())
                  ? ""
                  : String.format(Locale.ROOT, "  spread %.0f %%", 100 * line.spread()),
              line.cell().textBeside(Cell.standard()));
      out.println(OneLine.shown(text));
    }
    if (comparison.lines().size() > MOST) {
      out.println("… and %d more".formatted(comparison.lines().size() - MOST));
    }
    alone("A", comparison.onlyFirst().size(), out);
    alone("B", comparison.onlySecond().size(), out);
    if (comparison.equal() == 0 && comparison.lines().isEmpty()) {
      throw new CostException(
          "%s and %s: have no cell in common".formatted(files.get(0), files.get(1)));
    }
    return comparison.isNoWorse() ? CostMain.DONE : CostMain.NO;
  }

  private static String figure(String format, double figure) {
    return Double.isNaN(figure) ? "-" : String.format(Locale.ROOT, format, figure);
  }

  private static void describe(String name, Path file, RunDocument document, PrintWriter out) {
    out.println(
        OneLine.shown(
            "%s  %s: %s, %s, commit %s"
                .formatted(
                    name,
                    file,
                    document.manifest().getOrDefault("processor", "unknown processor"),
                    document.manifest().getOrDefault("jdk", "unknown JDK"),
                    document.manifest().getOrDefault("commit", "unknown"))));
  }

  private static void alone(String name, int cells, PrintWriter out) {
    if (cells > 0) {
      out.println("%d cells are in %s alone".formatted(cells, name));
    }
  }
}
