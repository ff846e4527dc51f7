package dev.nestwalk.bench.cost;

import dev.nestwalk.bench.cost.experiment.Catalogue;
import java.util.List;
import java.util.Locale;

/** The experiments by name. */
public final class Experiments {
  private static final List<Experiment> ALL = Catalogue.all(LatencyModel.DEFAULT);

  /** All of them, E1 first. */
  public static List<Experiment> all() {
    return ALL;
  }

  /** All of them, E1 first, with other times of what is counted. */
  public static List<Experiment> with(LatencyModel model) {
    return Catalogue.all(model);
  }

  /**
   * The one of this name, in any case.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Experiment of(String name) {
    return ALL.stream()
        .filter(experiment -> experiment.name().equals(name.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "'%s' is no experiment: expected E1 to E9".formatted(name)));
  }

  private Experiments() {}
}
