package dev.nestwalk.cli;

import dev.nestwalk.teach.InputException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Lists the experiments among the commands; the launcher starts them with their own class path. */
@Command(
    name = "cost",
    mixinStandardHelpOptions = true,
    description = {
      "The cost of nesting: experiments, sweeps, traces (nestwalk cost --help lists them).",
      "Works from a checkout only: walker/nestwalk cost."
    })
final class CostCommand implements Callable<Integer> {
  /** The words that a shell may complete. */
  static final class Words implements Iterable<String> {
    private static final List<String> WORDS =
        List.of(
            "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "sweep", "compare", "merge",
            "slurm", "trace");

    @Override
    public Iterator<String> iterator() {
      return WORDS.iterator();
    }
  }

  @Parameters(
      paramLabel = "EXPERIMENT|sweep|compare|merge|slurm|trace",
      arity = "0..*",
      completionCandidates = Words.class,
      description = "See cost --help.")
  private List<String> ignored = new ArrayList<>();

  CostCommand() {}

  @Override
  public Integer call() {
    throw new InputException(
        "cost " + String.join(" ", ignored) + ": start it out of a checkout, walker/nestwalk cost");
  }
}
