package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;

/**
 * The regions of a group as Linux lists them, ordered by first address and then by kind. Regions of
 * one kind are merged if they overlap or are adjacent; regions of different kinds are never merged.
 */
public final class RegionList {
  private final List<Region> regions = new ArrayList<>();

  /** Makes an empty list. */
  public RegionList() {}

  /** Adds a region and merges it with those of its kind. */
  public RegionList add(Region region) {
    int at = 0;
    while (at < regions.size() && isBefore(regions.get(at), region)) {
      at++;
    }
    regions.add(at, region);
    merge(region.kind());
    return this;
  }

  private static boolean isBefore(Region one, Region other) {
    int order = Long.compareUnsigned(one.first(), other.first());
    return order < 0 || order == 0 && one.kind().compareTo(other.kind()) <= 0;
  }

  private void merge(RegionKind kind) {
    int kept = -1;
    for (int i = 0; i < regions.size(); i++) {
      Region region = regions.get(i);
      if (region.kind() != kind) {
        continue;
      }
      if (kept >= 0 && touches(regions.get(kept), region)) {
        Region before = regions.get(kept);
        long last =
            Long.compareUnsigned(before.last(), region.last()) >= 0 ? before.last() : region.last();
        regions.set(kept, new Region(before.first(), last, kind));
        regions.remove(i--);
      } else {
        kept = i;
      }
    }
  }

  /**
   * Whether {@code next}, which does not begin before {@code before}, overlaps it or follows it
   * directly.
   */
  private static boolean touches(Region before, Region next) {
    return before.last() == -1 || Long.compareUnsigned(next.first(), before.last() + 1) <= 0;
  }

  /** The regions in order. */
  public List<Region> regions() {
    return List.copyOf(regions);
  }
}
