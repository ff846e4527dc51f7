package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;

/**
 * What an attachment of a table to a device has to fulfil, and the regions that it reserves.
 *
 * <p>Threads: called under the lock of its {@link Tracker}.
 */
final class AttachmentRules {
  private static final int MAX_PASID = 0xf_ffff;

  private final Policy policy;
  private final Hardware hardware;
  private final boolean strictRelaxable;

  AttachmentRules(Policy policy, Hardware hardware, boolean strictRelaxable) {
    this.policy = policy;
    this.hardware = hardware;
    this.strictRelaxable = strictRelaxable;
  }

  /**
   * Checks a PASID, or {@link Tracker#RID}.
   *
   * @throws RegionException EINVAL if it is out of range or the device has none
   */
  static void checkPasid(Device device, int pasid) throws RegionException {
    if (pasid < Tracker.RID || pasid > MAX_PASID) {
      throw RegionException.of(Errno.EINVAL, "PASID %d: expected 0 to 0xfffff", pasid);
    }
    if (pasid != Tracker.RID && !device.hasPasids()) {
      throw RegionException.of(Errno.EINVAL, "%s issues no requests with PASID", device);
    }
  }

  /**
   * Has the hardware take a table for a group.
   *
   * @throws RegionException EINVAL if the table, or the one of the RID, does not take PASIDs; or
   *     what the hardware reports
   */
  void admit(Device device, int pasid, Hwpt table) throws RegionException {
    Group group = device.group;
    boolean besidePasids = group.pasids().stream().anyMatch(other -> other != Tracker.RID);
    Group.Slot rid = group.slot(Tracker.RID);
    if (pasid == Tracker.RID && besidePasids && !table.takesPasids()) {
      throw RegionException.of(Errno.EINVAL, "the table does not go beside PASIDs");
    }
    if (pasid != Tracker.RID && (!table.takesPasids() || rid != null && !rid.table.takesPasids())) {
      throw RegionException.of(Errno.EINVAL, "the table does not take PASIDs");
    }
    hardware.attach(device, pasid, table, besidePasids);
  }

  /**
   * Reserves the regions of an attachment in its address space.
   *
   * @return their owner
   * @throws RegionException EINVAL for contradicting MSI windows; EADDRINUSE if a region is mapped
   *     or allowed
   */
  Group.Tag reserve(Device device, int pasid, Hwpt table) throws RegionException {
    Group.Tag tag = new Group.Tag();
    if (pasid == Tracker.RID) {
      checkMessageWindows(device);
      table.ioas().reserve(tag, ranges(brought(device, table)));
    }
    return tag;
  }

  /** The device's regions that count. */
  List<Region> counted(Device device) {
    List<Region> counted = new ArrayList<>();
    for (Region region : device.regions()) {
      if (strictRelaxable || region.kind() != RegionKind.DIRECT_RELAXABLE) {
        counted.add(region);
      }
    }
    return counted;
  }

  /** The regions that attaching a table to a device's RID reserves in the address space. */
  List<Region> brought(Device device, Hwpt table) {
    List<Region> brought = counted(device);
    if (table.isNested()) {
      brought.removeIf(region -> !policy.entersWithNestedAttach(region));
    }
    return brought;
  }

  /** The addresses of the regions that count. */
  List<AddressSet.Range> ranges(Device device) {
    return ranges(counted(device));
  }

  private static List<AddressSet.Range> ranges(List<Region> regions) {
    return regions.stream()
        .map(region -> new AddressSet.Range(region.first(), region.last()))
        .toList();
  }

  private static void checkMessageWindows(Device device) throws RegionException {
    long software = count(device, RegionKind.SW_MSI);
    if (software > 1 || software == 1 && count(device, RegionKind.MSI) > 0) {
      throw RegionException.of(
          Errno.EINVAL, "%s has message windows that contradict each other", device);
    }
  }

  private static long count(Device device, RegionKind kind) {
    return device.regions().stream().filter(region -> region.kind() == kind).count();
  }
}
