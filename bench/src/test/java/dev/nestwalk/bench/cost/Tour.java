package dev.nestwalk.bench.cost;

import java.util.ArrayList;
import java.util.List;

/** Runs experiments at length and prints what they say; for who works on them. */
final class Tour {
  public static void main(String[] args) {
    Experiment.Size size = Experiment.Size.valueOf(args[0]);
    for (Experiment experiment : Experiments.all()) {
      if (args.length > 1 && !List.of(args).contains(experiment.name())) {
        continue;
      }
      long begin = System.nanoTime();
      List<CellResult> results = new ArrayList<>();
      experiment.cells(size).forEach(cell -> results.add(Runner.run(cell)));
      System.out.printf(
          "%s %s: %d cells, %.1f s%n  %s%n",
          experiment.name(),
          experiment.title(),
          results.size(),
          (System.nanoTime() - begin) / 1e9,
          experiment.headline(results));
      experiment.judge(results).forEach(verdict -> System.out.println("  " + verdict));
      for (CellResult result : results) {
        if (args.length > 2) {
          System.out.println(
              result.cell().textBeside(Cell.standard()) + "\n    " + result.counts());
        }
      }
    }
  }

  private Tour() {}
}
