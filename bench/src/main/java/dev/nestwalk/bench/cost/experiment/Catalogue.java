package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.LatencyModel;
import java.util.List;

/** The experiments of this package. */
public final class Catalogue {
  /**
   * All of them, by number.
   *
   * @param model what counted events take
   */
  public static List<Experiment> all(LatencyModel model) {
    return List.of(
        new WalkReferences(),
        new WalkCacheSizes(),
        new TenantCliff(model),
        new IotlbWall(model),
        new RingPrefetch(model),
        new UnmapPolicies(model),
        new StageSwitching(model),
        new DeviceTlb(model),
        new LineRate());
  }

  private Catalogue() {}
}
