package dev.nestwalk.cli;

import dev.nestwalk.teach.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Lists the benchmarks among the commands; the launcher starts them with their own class path. */
@Command(
    name = "bench",
    description = {
      "Scoreboard, charts and JMH benchmarks (nestwalk bench --help lists them).",
      "Works from a checkout only: walker/nestwalk bench."
    })
final class BenchCommand implements Callable<Integer> {
  @Parameters(paramLabel = "ARGUMENT", arity = "0..*", description = "See bench --help.")
  private List<String> ignored = new ArrayList<>();

  BenchCommand() {}

  @Override
  public Integer call() {
    throw new InputException(
        "bench "
            + String.join(" ", ignored)
            + ": start it out of a checkout, walker/nestwalk bench");
  }
}
