package dev.nestwalk.region;

import java.util.List;

/**
 * A device that the tracker knows: its unit, its group, and the regions that the platform reserves
 * for it. {@link Tracker#bind} makes it.
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

  /** The name under which it was bound. */
  public String name() {
    return name;
  }

  /** The IOMMU that it is behind. */
  public Unit unit() {
    return unit;
  }

  /** The regions that the platform reserves for the device; they do not depend on attachments. */
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
