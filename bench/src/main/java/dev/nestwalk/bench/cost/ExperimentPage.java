package dev.nestwalk.bench.cost;

import dev.nestwalk.bench.ChartSvg;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The page of an experiment, with its plots, as the documentation has it. */
public final class ExperimentPage {
  /** File name of an experiment's page. */
  public static String file(Experiment experiment) {
    return experiment.name().toLowerCase(Locale.ROOT) + ".md";
  }

  /** The page, in Markdown. */
  public static String of(Experiment experiment, List<CellResult> results) {
    StringBuilder page = new StringBuilder();
    page.append("# %s: %s\n\n".formatted(experiment.name(), experiment.title()));
    page.append("**%s**\n\n".formatted(experiment.headline(results)));
    page.append(experiment.question()).append("\n\n");
    for (Plot plot : experiment.plots(results)) {
      page.append("![%s](figures/%s.svg)\n\n".formatted(plot.title(), plot.name()));
    }
    page.append("## What is expected\n\n").append(experiment.expected()).append("\n\n");
    page.append("| published | by | read in |\n| --- | --- | --- |\n");
    for (Published published : experiment.published()) {
      page.append(
          "| %s | %s | %s |\n"
              .formatted(
                  cell(published.figure()), cell(published.source()), cell(published.read())));
    }
    page.append("\n## What was found\n\n| claim | so? | found |\n| --- | --- | --- |\n");
    for (Verdict verdict : experiment.judge(results)) {
      page.append(
          "| %s | %s | %s |\n"
              .formatted(
                  cell(verdict.claim()),
                  verdict.answer().name().toLowerCase(Locale.ROOT),
                  cell(verdict.measured())));
    }
    page.append("\n").append(experiment.reading()).append("\n\n## Again\n\n");
    page.append("```\n$ walker/nestwalk cost %s\n```\n\n".formatted(experiment.name()));
    page.append(told(results));
    return page.toString();
  }

  private static String told(List<CellResult> results) {
    boolean timed = results.stream().anyMatch(result -> result.cell().isTimed());
    String engine =
        timed
            ? "Timed by the clock with the product's translator on %s (%s, %s): other machines have other times."
                .formatted(
                    manifest(results, "processor"),
                    manifest(results, "jdk"),
                    manifest(results, "system"))
            : "Counted with modelled hardware: every machine counts the same.";
    return "%d cells. %s What both engines do: [the cost of nesting](README.md).\n"
        .formatted(results.size(), engine);
  }

  private static String manifest(List<CellResult> results, String name) {
    return results.get(0).manifest().getOrDefault(name, "unknown");
  }

  private static String cell(String text) {
    return text.replace("|", "\\|");
  }

  /**
   * Writes page and plots.
   *
   * @param folder of the pages; plots go into {@code figures} in it
   */
  public static void write(Experiment experiment, List<CellResult> results, Path folder)
      throws IOException {
    Path figures = Files.createDirectories(folder.resolve("figures"));
    Files.writeString(folder.resolve(file(experiment)), of(experiment, results));
    for (Plot plot : experiment.plots(results)) {
      Files.writeString(figures.resolve(plot.name() + ".svg"), ChartSvg.of(PlotChart.of(plot)));
    }
  }

  /** Runs the cells of a tour and writes pages and plots: FOLDER [NAME…]. */
  public static void main(String[] args) throws IOException {
    List<String> names = List.of(args).subList(1, args.length);
    for (Experiment experiment : Experiments.all()) {
      if (names.isEmpty() || names.contains(experiment.name())) {
        long begin = System.nanoTime();
        List<CellResult> results = new ArrayList<>();
        experiment.cells(Experiment.Size.TOUR).forEach(cell -> results.add(Runner.run(cell)));
        write(experiment, results, Path.of(args[0]));
        System.out.printf(
            Locale.ROOT,
            "%s, %d s: %s%n",
            experiment.name(),
            (System.nanoTime() - begin) / 1_000_000_000,
            experiment.headline(results));
      }
    }
  }

  private ExperimentPage() {}
}
