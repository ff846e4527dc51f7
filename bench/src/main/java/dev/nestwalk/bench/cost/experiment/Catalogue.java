package dev.nestwalk.bench.cost.experiment;

import dev.nestwalk.bench.cost.Experiment;
import java.util.List;

/** The experiments of this package. */
public final class Catalogue {
  private static final List<Experiment> ALL =
      List.of(
          new WalkReferences(),
          new WalkCacheSizes(),
          new TenantCliff(),
          new IotlbWall(),
          new RingPrefetch(),
          new UnmapPolicies(),
          new StageSwitching(),
          new DeviceTlb(),
          new LineRate());

  /** All of them, by number. */
  public static List<Experiment> all() {
    return ALL;
  }

  private Catalogue() {}
}
