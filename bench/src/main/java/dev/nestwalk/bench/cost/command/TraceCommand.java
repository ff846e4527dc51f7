package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.trace.TraceFile;
import dev.nestwalk.bench.cost.trace.TraceSummary;
import dev.nestwalk.bench.cost.trace.TraceWriter;
import dev.nestwalk.fixtures.WholeFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says what a trace holds, and writes it in the product's own form. */
@Command(
    name = "trace",
    mixinStandardHelpOptions = true,
    description = {
      "Says what a trace holds; with --out writes the DMA that it stands for, in the product's"
          + " form.",
      "Takes nestwalk, QEMU and HyperSIO traces, blkparse text, MSR-style CSV and pcap."
    })
final class TraceCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "FILE", description = "The trace.")
  private Path file = Path.of("");

  @Option(
      names = "--trace-format",
      paramLabel = "FORM",
      description = "nestwalk, qemu, hypersio, blkparse, msr or pcap (default: found out).")
  private @Nullable String format;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Writes it; a name that ends in .gz is compressed.")
  private @Nullable Path target;

  @Option(
      names = "--cell",
      paramLabel = "'NAME=VALUE …'",
      description =
          "The cell that plays it: sizes drive its policy, for example invalidate=strict.")
  private String cell = "";

  TraceCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    TraceFile trace = SweepOptions.open(file, format);
    TraceSummary summary = trace.scan();
    out.println(summary.line());
    Path to = target;
    if (to == null) {
      return CostMain.DONE;
    }
    Cell plays = trace.cell(Cell.parse(cell), summary);
    long[] events = {0};
    WholeFile.write(
        to,
        bytes -> {
          try (TraceWriter writer = new TraceWriter(bytes, to.toString().endsWith(".gz"))) {
            trace
                .workload()
                .play(
                    plays,
                    op -> {
                      try {
                        writer.write(op);
                        events[0]++;
                      } catch (IOException e) {
                        throw new UncheckedIOException(e);
                      }
                    });
          }
        },
        List.of(file));
    out.println("wrote %s: %d events".formatted(to, events[0]));
    return CostMain.DONE;
  }
}
