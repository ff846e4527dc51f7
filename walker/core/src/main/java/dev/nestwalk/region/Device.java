package dev.nestwalk.region;

import java.util.List;

/**
 * A device as the tracker knows it: what the platform reserves for it, and who shares its fate.
 * Made by {@link Tracker#bind}.
 *
 * <p>Threads: immutable.
 */
public final class Device {
  private final String name;
  private final Unit unit;
  private final List<Region> regions;
  private final boolean pasids;
  final Group group;

  Device(String name, Unit unit, List<Region> regions, boolean pasids, Group group) {
    this.name = name;
    this.unit = unit;
    this.regions = List.copyOf(regions);
    this.pasids = pasids;
    this.group = group;
  }

  /** The name that it was bound with. */
  public String name() {
    return name;
  }

  /** The IOMMU it sits behind. */
  public Unit unit() {
    return unit;
  }

  /** What the platform reserves for it: a property of the device, whatever it is attached to. */
  public List<Region> regions() {
    return regions;
  }

  /** Whether it can issue requests with PASID. */
  public boolean hasPasids() {
    return pasids;
  }

  @Override
  public String toString() {
    return name;
  }
}
