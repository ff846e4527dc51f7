package dev.nestwalk.region;

import java.util.List;

/**
 * Which of a device's regions a nested attachment of its RID reserves in the address space of the
 * parent. A direct attachment of the RID always reserves all of them, and one of a PASID reserves
 * none; these are not in dispute. The tracker depends on a policy only through this interface.
 */
public interface Policy {
  /** The policy's name in commands and reports. */
  String name();

  /** Whether a nested attachment reserves this region in the parent's address space. */
  boolean entersWithNestedAttach(Region region);

  /** Whether an opt-in at allocation is honoured; an explicit load always is. */
  boolean honoursOptIn();

  /** Whether a device with a direct region cannot be bound. */
  boolean refusesDirect();

  /** A policy given by its parts. */
  record Named(
      String name, java.util.Set<RegionKind> nested, boolean honoursOptIn, boolean refusesDirect)
      implements Policy {
    @Override
    public boolean entersWithNestedAttach(Region region) {
      return nested.contains(region.kind());
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** The posted patch series that began the discussion: all regions are reserved. */
  Policy POSTED_V2 =
      new Named("POSTED_V2", java.util.EnumSet.allOf(RegionKind.class), false, false);

  /** Nothing is reserved, since an intermediate address is never on the bus; Linux 6.7 to 6.11. */
  Policy DIRECT_RID_ONLY =
      new Named("DIRECT_RID_ONLY", java.util.EnumSet.noneOf(RegionKind.class), false, false);

  /**
   * The result of the discussion, and the default: nothing is reserved unless asked for at
   * allocation.
   */
  Policy PARENT_OPT_IN =
      new Named("PARENT_OPT_IN", java.util.EnumSet.noneOf(RegionKind.class), true, false);

  /** Only the software MSI window is reserved. */
  Policy POSTED_V3 = new Named("POSTED_V3", java.util.EnumSet.of(RegionKind.SW_MSI), false, false);

  /** Linux from 6.12 on: all regions are reserved, and devices with direct regions are refused. */
  Policy LINUX_7_2 = new Named("LINUX_7_2", java.util.EnumSet.allOf(RegionKind.class), false, true);

  /** The named policies, in the order of the discussion. */
  static List<Policy> all() {
    return List.of(POSTED_V2, DIRECT_RID_ONLY, PARENT_OPT_IN, POSTED_V3, LINUX_7_2);
  }

  /**
   * The policy with this name, in upper or lower case and with - or _.
   *
   * @throws IllegalArgumentException if there is none
   */
  static Policy named(String name) {
    String wanted = name.toUpperCase(java.util.Locale.ROOT).replace('-', '_');
    for (Policy policy : all()) {
      if (policy.name().equals(wanted)) {
        return policy;
      }
    }
    throw new IllegalArgumentException("policy '%s': expected one of %s".formatted(name, all()));
  }
}
