package dev.nestwalk.cli;

import dev.nestwalk.fixtures.trace.RegisterTrace;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Drives units with recorded register traces. */
@Command(
    name = "replay-registers",
    mixinStandardHelpOptions = true,
    description = {
      "Drives a unit with a recorded register trace and compares all that it answers.",
      "Compared are the values of registers, what the unit writes to memory, the interrupts that it"
          + " raises, and its answers to DMA.",
      "A file NAME.deviations beside the trace may give other values for some of its lines."
    },
    footer = {
      "",
      "fixtures/README.md describes the format.",
      "",
      "Example: nestwalk replay-registers fixtures/traces/vtd-legacy.trace.gz"
    })
final class ReplayRegistersCommand implements Callable<Integer> {
  /** Units by the format of a trace. */
  enum Format {
    vtd,
    smmuv3
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "TRACE",
      arity = "1..*",
      description =
          "Traces: NAME.trace, NAME.trace.gz, or NAME; NAME.json beside it is the machine.")
  private List<Path> traces = new ArrayList<>();

  @Option(
      names = "--unit",
      paramLabel = "U",
      description = "vtd or smmuv3: refuse traces of the other; default: what the trace is of.")
  private @Nullable Format unit;

  @Option(
      names = "--failures",
      paramLabel = "N",
      description = "How many differences to print per trace (default: 20).")
  private int shown = 20;

  ReplayRegistersCommand() {}

  @Override
  public Integer call() throws IOException {
    if (shown < 0) {
      throw new InputException("--failures %d: expected 0 or more".formatted(shown));
    }
    PrintWriter out = spec.commandLine().getOut();
    long passed = 0;
    long failed = 0;
    for (Path given : traces) {
      RegisterTrace trace = RegisterTrace.load(given);
      if (unit != null && !trace.machine().format().equals(unit.name())) {
        throw new InputException(
            "%s: a trace of %s, expected one of %s"
                .formatted(trace.file(), trace.machine().format(), unit));
      }
      try (RegisterReplay replay = new RegisterReplay(trace)) {
        replay.run();
        if (replay.passed() == 0 && replay.differences().isEmpty()) {
          throw new InputException(trace.file() + ": no line to compare, expected at least one");
        }
        print(out, trace, replay);
        passed += replay.passed();
        failed += replay.differences().size();
      }
    }
    out.printf("%d passed, %d failed%n", passed, failed);
    return failed == 0 ? Main.DONE : Main.NO;
  }

  private void print(PrintWriter out, RegisterTrace trace, RegisterReplay replay) {
    List<RegisterReplay.Difference> differences = replay.differences();
    out.printf(
        "%-24s %-7s %6d passed  %6d failed  %d known deviations%n",
        trace.name(),
        trace.machine().format(),
        replay.passed(),
        differences.size(),
        trace.deviations());
    if (replay.replaced() > 0) {
      out.printf("  %d status lines replaced before anybody could look%n", replay.replaced());
    }
    String file = String.valueOf(trace.file().getFileName());
    differences.stream()
        .limit(shown)
        .forEach(
            one ->
                out.printf(
                    "  %s:%d  %s%n    expected %s%n    got      %s%n",
                    file, one.line(), one.text(), one.expected(), one.got()));
    if (differences.size() > shown) {
      out.printf("  … and %d more%n", differences.size() - shown);
    }
    out.flush();
  }
}
