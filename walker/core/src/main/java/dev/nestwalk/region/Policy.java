package dev.nestwalk.region;

import java.util.List;

/**
 * What of a device's regions a nested attachment of its RID puts into the address space of the
 * parent. A direct attachment of the RID always brings all of them, one of a PASID none; nobody
 * disputes that. Another policy is another object: the tracker asks nothing else.
 */
public interface Policy {
  /** The name in commands and reports. */
  String name();

  /** Whether a region enters the parent's address space with a nested attachment. */
  boolean entersWithNestedAttach(Region region);

  /** Whether an opt-in at allocation is honoured (an explicit load always is). */
  boolean honoursOptIn();

  /** Whether a device with a direct region cannot be bound at all. */
  boolean refusesDirect();

  /** A policy by its parts. */
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

  /** The posted series that began the discussion: everything enters. */
  Policy POSTED_V2 =
      new Named("POSTED_V2", java.util.EnumSet.allOf(RegionKind.class), false, false);

  /** An intermediate address is never on the bus, so nothing enters; Linux 6.7 to 6.11. */
  Policy DIRECT_RID_ONLY =
      new Named("DIRECT_RID_ONLY", java.util.EnumSet.noneOf(RegionKind.class), false, false);

  /** The discussion's end: nothing enters unless asked for at allocation. The default. */
  Policy PARENT_OPT_IN =
      new Named("PARENT_OPT_IN", java.util.EnumSet.noneOf(RegionKind.class), true, false);

  /** Only the software's doorbell window enters. */
  Policy POSTED_V3 = new Named("POSTED_V3", java.util.EnumSet.of(RegionKind.SW_MSI), false, false);

  /** Linux from 6.12 on: everything enters, and devices with direct regions are refused. */
  Policy LINUX_7_2 = new Named("LINUX_7_2", java.util.EnumSet.allOf(RegionKind.class), false, true);

  /** Those that have a name, in the order of the discussion. */
  static List<Policy> all() {
    return List.of(POSTED_V2, DIRECT_RID_ONLY, PARENT_OPT_IN, POSTED_V3, LINUX_7_2);
  }

  /**
   * The policy of a name, in any case, with - for _.
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
