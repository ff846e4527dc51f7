package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What binds and what is reported, independently of what a policy enforces: the model of reserved
 * regions under nested translation. A device's regions concern the addresses that it puts on the
 * bus. An intermediate address never appears on the bus. It is bound only by what nesting itself
 * places there (the doorbell window) and, if the first stage is an identity mapping, by all
 * regions.
 *
 * <p>Threads: any; each answer describes one state of the tracker.
 */
public final class Effects {
  private final Tracker tracker;

  /** The effects of a tracker's attachments. */
  public Effects(Tracker tracker) {
    this.tracker = tracker;
  }

  /**
   * The bounds on the bus addresses of a device's requests.
   *
   * @param pasid {@link Tracker#RID} for requests without PASID
   */
  public List<Bound> bus(Device device, int pasid) {
    synchronized (tracker) {
      List<Bound> bounds = new ArrayList<>();
      Hwpt table = tracker.attached(device, pasid);
      boolean nestedBelow = pasid != Tracker.RID && isNested(tracker.attached(device, Tracker.RID));
      for (Region region : tracker.counted(device)) {
        Bound.Demand demand =
            pasid == Tracker.RID
                ? ofPlain(region.kind(), table)
                : table == null && !nestedBelow ? ofPassedThrough(device, region.kind()) : null;
        if (demand != null) {
          bounds.add(new Bound(device, region, demand));
        }
      }
      return bounds;
    }
  }

  private static boolean isNested(@Nullable Hwpt table) {
    return table != null && table.isNested();
  }

  /** The demand on requests without PASID. */
  private static Bound.@Nullable Demand ofPlain(RegionKind kind, @Nullable Hwpt table) {
    if (isNested(table) && table != null && table.firstStage() == FirstStage.ABORT) {
      return null;
    }
    return switch (kind) {
      case MSI, RESERVED -> Bound.Demand.HOLE;
      case DIRECT, DIRECT_RELAXABLE -> Bound.Demand.IDENTITY;
      case SW_MSI ->
          // Without a table, doorbell writes are not translated, and the window has no meaning.
          table == null
              ? null
              : table.isNested() && !table.firstStage().isIdentity()
                  ? Bound.Demand.IDENTITY
                  : Bound.Demand.HOST_OWNED;
    };
  }

  /**
   * The demand on requests whose PASID has no table; only a VT-d unit's interrupt window is
   * special.
   */
  private static Bound.@Nullable Demand ofPassedThrough(Device device, RegionKind kind) {
    boolean blocked = device.unit().format() == Unit.Format.VTD && kind == RegionKind.MSI;
    return blocked ? Bound.Demand.BLOCKED : null;
  }

  /**
   * The bounds on the input addresses of a paging table; for a parent these are intermediate
   * addresses.
   */
  public List<Bound> intermediate(Hwpt parent) {
    synchronized (tracker) {
      List<Bound> bounds = new ArrayList<>();
      for (Device device : tracker.devices()) {
        Hwpt table = tracker.attached(device, Tracker.RID);
        if (table != null && table.paging().equals(parent)) {
          bounds.addAll(below(device, table));
        }
      }
      return bounds;
    }
  }

  private List<Bound> below(Device device, Hwpt table) {
    if (!table.isNested() || table.firstStage().isIdentity()) {
      return bus(device, Tracker.RID);
    }
    List<Bound> bounds = new ArrayList<>();
    if (table.firstStage() == FirstStage.TRANSLATE) {
      for (Region region : tracker.counted(device)) {
        if (region.kind() == RegionKind.SW_MSI) {
          bounds.add(new Bound(device, region, Bound.Demand.HOST_OWNED));
        }
      }
    }
    return bounds;
  }

  /**
   * The bounds to report to the owner of a guest's first stage, where the host cannot enforce them.
   * The list is empty if the device's requests pass no such stage.
   */
  public List<Bound> reported(Device device) {
    Hwpt table = tracker.attached(device, Tracker.RID);
    return isNested(table) ? bus(device, Tracker.RID) : List.of();
  }

  /**
   * The holes: addresses at which a translator refuses the device's requests before it reads a
   * table.
   */
  public RegionSet refusals(Device device, int pasid) {
    return holes(bus(device, pasid), List.of());
  }

  /**
   * Intermediate addresses that DMA through a nested table must not use: those that {@code parent}
   * refuses, and those outside its aperture.
   */
  public RegionSet intermediateRefusals(Hwpt parent) {
    return holes(intermediate(parent), outside(parent));
  }

  private static RegionSet holes(List<Bound> bounds, List<Region> more) {
    List<Region> regions = new ArrayList<>(more);
    for (Bound bound : bounds) {
      if (bound.demand() == Bound.Demand.HOLE || bound.demand() == Bound.Demand.BLOCKED) {
        regions.add(bound.region());
      }
    }
    return RegionSet.of(regions);
  }

  /**
   * Every address with a bound of any kind on the intermediate addresses, including those outside
   * the aperture.
   */
  public RegionSet intermediateSet(Hwpt parent) {
    List<Region> regions = new ArrayList<>(outside(parent));
    intermediate(parent).forEach(bound -> regions.add(bound.region()));
    return RegionSet.of(regions);
  }

  /** Every address with a bound of any kind on the bus addresses. */
  public RegionSet busSet(Device device, int pasid) {
    List<Region> regions = new ArrayList<>();
    bus(device, pasid).forEach(bound -> regions.add(bound.region()));
    return RegionSet.of(regions);
  }

  private static List<Region> outside(Hwpt table) {
    List<Region> outside = new ArrayList<>();
    if (table.aperture().first() != 0) {
      outside.add(new Region(0, table.aperture().first() - 1, RegionKind.RESERVED));
    }
    if (table.aperture().last() != Ioas.LAST) {
      outside.add(new Region(table.aperture().last() + 1, Ioas.LAST, RegionKind.RESERVED));
    }
    return outside;
  }

  /**
   * Regions of a device that overlap mappings of the address space below a table: what fails or
   * would fail on attaching the device, under which policy, and whether it matters. The device need
   * not be attached to the table.
   */
  public List<Conflict> conflicts(Device device, Hwpt table) {
    synchronized (tracker) {
      List<Conflict> conflicts = new ArrayList<>();
      for (Region region : tracker.counted(device)) {
        AddressSet.Range mapping = table.ioas().mappingIn(region.first(), region.last());
        if (mapping == null) {
          continue;
        }
        List<Policy> enforcing = new ArrayList<>();
        for (Policy policy : Policy.all()) {
          if (!table.isNested() || policy.entersWithNestedAttach(region)) {
            enforcing.add(policy);
          }
        }
        conflicts.add(new Conflict(device, region, mapping, binds(region, table), enforcing));
      }
      return conflicts;
    }
  }

  private static boolean binds(Region region, Hwpt table) {
    if (!table.isNested() || table.firstStage().isIdentity()) {
      return true;
    }
    return region.kind() == RegionKind.SW_MSI && table.firstStage() == FirstStage.TRANSLATE;
  }
}
