package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.ChartSvg;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The pages of the experiments say what is counted today. */
class ExperimentPageTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("nestwalk.root", ".")).resolve("docs/cost");

  /** Those that take a few seconds; the others are written by the same code. */
  @ParameterizedTest
  @ValueSource(strings = {"E5", "E6", "E7", "E8"})
  void shippedPagesAndPlotsShowTheseCounts(String name) throws IOException {
    Experiment experiment = Experiments.of(name);
    List<CellResult> results =
        experiment.cells(Experiment.Size.TOUR).stream().map(Runner::run).toList();
    String hint = "stale: run dev.nestwalk.bench.cost.ExperimentPage docs/cost " + name;
    assertEquals(
        ExperimentPage.of(experiment, results),
        Files.readString(FOLDER.resolve(ExperimentPage.file(experiment))),
        hint);
    for (Plot plot : experiment.plots(results)) {
      assertEquals(
          ChartSvg.of(PlotChart.of(plot)),
          Files.readString(FOLDER.resolve("figures").resolve(plot.name() + ".svg")),
          hint);
    }
  }

  @Test
  void everyExperimentHasItsPage() throws IOException {
    for (Experiment experiment : Experiments.all()) {
      String page = Files.readString(FOLDER.resolve(ExperimentPage.file(experiment)));
      assertTrue(page.contains(experiment.title()) && page.contains(experiment.expected()));
      assertTrue(page.contains(experiment.reading()), experiment.name());
      for (Published published : experiment.published()) {
        assertFalse(published.read().isEmpty(), published::figure);
        String row =
            "| %s | %s | %s |".formatted(published.figure(), published.source(), published.read());
        assertTrue(page.contains(row), row);
      }
    }
  }
}
