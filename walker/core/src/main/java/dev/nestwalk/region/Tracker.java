package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Tracks which device's reserved regions are out of bounds in which address space: devices, groups,
 * tables and attachments, and what these reserve in the I/O address spaces under a {@link Policy}.
 *
 * <p>An operation that is refused changes nothing. Three notions are kept apart: what is enforced
 * is the reserved set of an {@link Ioas}; what binds, and what is reported, is the answer of {@link
 * Effects}.
 *
 * <p>Threads: any; operations exclude each other.
 */
public final class Tracker {
  /** Takes the place of a PASID and stands for requests without one. */
  public static final int RID = -1;

  private final Policy policy;
  private final AttachmentRules rules;
  private final Map<String, Group> groups = new HashMap<>();
  private final Map<String, Device> devices = new LinkedHashMap<>();
  private final Map<Ioas, List<Hwpt>> tables = new HashMap<>();
  private final Map<Load, Integer> loads = new HashMap<>();

  /** A device's regions, reserved in an address space by an explicit call. */
  private record Load(Ioas ioas, Device device) {}

  /** Makes a tracker with the rules of VT-d and SMMUv3, in which relaxable regions do not count. */
  public Tracker(Policy policy) {
    this(policy, Hardware.RULES, false);
  }

  /**
   * Makes a tracker.
   *
   * @param strictRelaxable whether relaxable regions count as direct ones do
   */
  public Tracker(Policy policy, Hardware hardware, boolean strictRelaxable) {
    this.policy = policy;
    rules = new AttachmentRules(policy, hardware, strictRelaxable);
  }

  /** The policy. */
  public Policy policy() {
    return policy;
  }

  /** The devices in the order in which they were bound. */
  public synchronized List<Device> devices() {
    return List.copyOf(devices.values());
  }

  /**
   * Starts tracking a device.
   *
   * @param group name of its group; the devices of a group share tables
   * @param hasPasids whether it can issue requests with PASID
   * @throws RegionException EBUSY if the name is taken; EINVAL if it has a direct region and the
   *     policy refuses such devices
   */
  public synchronized Device bind(
      String name, String group, Unit unit, List<Region> regions, boolean hasPasids)
      throws RegionException {
    return bind(name, group, unit, regions, hasPasids, policy.refusesDirect());
  }

  /**
   * Starts tracking a device. The caller rather than the policy decides whether a device with a
   * direct region is refused.
   *
   * @param group name of its group; the devices of a group share tables
   * @param hasPasids whether it can issue requests with PASID
   * @throws RegionException EBUSY if the name is taken; EINVAL if it has a direct region and such
   *     devices are refused
   */
  public synchronized Device bind(
      String name,
      String group,
      Unit unit,
      List<Region> regions,
      boolean hasPasids,
      boolean refuseDirect)
      throws RegionException {
    if (devices.containsKey(name)) {
      throw RegionException.of(Errno.EBUSY, "device %s is bound already", name);
    }
    for (Region region : regions) {
      if (refuseDirect && region.kind() == RegionKind.DIRECT) {
        throw RegionException.of(
            Errno.EINVAL,
            "firmware wants 0x%x-0x%x of %s mapped one to one for good",
            region.first(),
            region.last(),
            name);
      }
    }
    Group joined = groups.computeIfAbsent(group, Group::new);
    Device device = new Device(name, unit, regions, hasPasids, joined);
    devices.put(name, device);
    return device;
  }

  /**
   * Stops tracking a device.
   *
   * @throws RegionException EBUSY while it is attached or its regions are loaded
   */
  public synchronized void unbind(Device device) throws RegionException {
    boolean loaded = loads.keySet().stream().anyMatch(load -> load.device.equals(device));
    if (loaded || !pasidsOf(device).isEmpty()) {
      throw RegionException.of(Errno.EBUSY, "device %s is in use", device);
    }
    devices.remove(device.name());
  }

  /** The device's regions that count. */
  public List<Region> counted(Device device) {
    return rules.counted(device);
  }

  // Tables.

  /**
   * Allocates a table of the host.
   *
   * @param kind {@link Hwpt.Kind#PAGING} or {@link Hwpt.Kind#PARENT}
   * @param aperture addresses that it can translate
   * @param granule size of its smallest page
   * @throws RegionException EOPNOTSUPP for another kind, EINVAL for a bad aperture or granule,
   *     EADDRINUSE if a mapping or an allowed range lies outside the aperture or overlaps a region
   *     of an opt-in
   */
  public synchronized Hwpt allocate(
      Device device,
      Ioas ioas,
      Hwpt.Kind kind,
      AddressSet.Range aperture,
      long granule,
      Hwpt.Options options)
      throws RegionException {
    if (kind == Hwpt.Kind.NESTED || kind == Hwpt.Kind.AUTO) {
      throw RegionException.of(Errno.EOPNOTSUPP, "a table of kind %s is not allocated so", kind);
    }
    Hwpt table = new Hwpt(kind, device.unit(), ioas, null, options, aperture);
    ioas.addTable(table, aperture, granule);
    try {
      optIn(device, table, options);
    } catch (RegionException e) {
      ioas.removeTable(table);
      throw e;
    }
    tables.computeIfAbsent(ioas, ignored -> new ArrayList<>()).add(table);
    return table;
  }

  /**
   * Allocates a guest's first stage.
   *
   * @throws RegionException EINVAL if {@code parent} is not a nesting parent or belongs to another
   *     IOMMU, EOPNOTSUPP for PASIDs of an SMMUv3, EADDRINUSE if a region of an opt-in is mapped
   */
  public synchronized Hwpt nest(Device device, Hwpt parent, Hwpt.Options options)
      throws RegionException {
    check(parent);
    if (parent.kind() != Hwpt.Kind.PARENT || !parent.unit().equals(device.unit())) {
      throw RegionException.of(
          Errno.EINVAL, "expected a nesting parent of the IOMMU of %s", device);
    }
    if (options.takesPasids() && device.unit().format() == Unit.Format.SMMUV3) {
      throw RegionException.of(
          Errno.EOPNOTSUPP, "substreams of %s come with the CD table of the guest", device);
    }
    Hwpt table =
        new Hwpt(
            Hwpt.Kind.NESTED,
            device.unit(),
            null,
            parent,
            options,
            new AddressSet.Range(0, Ioas.LAST));
    optIn(device, table, options);
    parent.children++;
    return table;
  }

  private void optIn(Device device, Hwpt table, Hwpt.Options options) throws RegionException {
    if (options.loadsRegions() && policy.honoursOptIn()) {
      Group.Tag tag = new Group.Tag();
      table.ioas().reserve(tag, rules.ranges(device));
      table.optIn = tag;
    }
  }

  /**
   * Frees a table.
   *
   * @throws RegionException EBUSY while it is attached or has nested tables, ENOENT if it is gone
   */
  public synchronized void destroy(Hwpt table) throws RegionException {
    check(table);
    if (table.users != 0 || table.children != 0) {
      throw RegionException.of(Errno.EBUSY, "the table is in use");
    }
    free(table);
  }

  private void free(Hwpt table) {
    Ioas ioas = table.ioas();
    if (table.optIn != null) {
      ioas.removeOwner(table.optIn);
    }
    table.destroyed = true;
    if (table.isNested()) {
      table.paging().children--;
    } else {
      ioas.removeTable(table);
      List<Hwpt> all = tables.getOrDefault(ioas, new ArrayList<>());
      all.remove(table);
      if (all.isEmpty()) {
        tables.remove(ioas);
      }
    }
  }

  /**
   * Declares that an address space is no longer used.
   *
   * @throws RegionException EBUSY while it has tables or loaded regions
   */
  public synchronized void destroy(Ioas ioas) throws RegionException {
    boolean loaded = loads.keySet().stream().anyMatch(load -> load.ioas.equals(ioas));
    if (loaded || tables.containsKey(ioas)) {
      throw RegionException.of(Errno.EBUSY, "the address space is in use");
    }
  }

  private static void check(Hwpt table) throws RegionException {
    if (table.destroyed) {
      throw RegionException.of(Errno.ENOENT, "the table is gone");
    }
  }

  // Explicit loads.

  /**
   * Reserves a device's regions in an address space. Loads are counted: each needs its {@link
   * #unload}.
   *
   * @throws RegionException EADDRINUSE if one is mapped or allowed
   */
  public synchronized void load(Ioas ioas, Device device) throws RegionException {
    Load load = new Load(ioas, device);
    int count = loads.getOrDefault(load, 0);
    if (count == 0) {
      ioas.reserve(load, rules.ranges(device));
    }
    loads.put(load, count + 1);
  }

  /** Undoes one {@link #load}. */
  public synchronized void unload(Ioas ioas, Device device) {
    Load load = new Load(ioas, device);
    int count = loads.getOrDefault(load, 0);
    if (count == 1) {
      ioas.removeOwner(load);
      loads.remove(load);
    } else if (count > 1) {
      loads.put(load, count - 1);
    }
  }

  // Attachments.

  /**
   * Attaches a table to a device's requests.
   *
   * @param pasid {@link #RID} for requests without PASID
   * @throws RegionException EBUSY if a table is attached there; EINVAL if the group has another
   *     table there, for tables and devices that do not support PASIDs and for contradicting MSI
   *     windows; EADDRINUSE if a region is mapped or allowed; or what the hardware reports
   */
  public synchronized void attach(Device device, int pasid, Hwpt table) throws RegionException {
    check(table);
    AttachmentRules.checkPasid(device, pasid);
    Group.Slot slot = device.group.slot(pasid);
    if (slot != null && slot.members.containsKey(device)) {
      throw RegionException.of(Errno.EBUSY, "%s is attached already", device);
    }
    if (slot != null && !slot.table.equals(table)) {
      throw RegionException.of(Errno.EINVAL, "the group of %s has another table", device);
    }
    Group.Tag tag = rules.reserve(device, pasid, table);
    if (slot == null) {
      try {
        rules.admit(device, pasid, table);
      } catch (RegionException e) {
        table.ioas().removeOwner(tag);
        throw e;
      }
      slot = device.group.open(pasid, table);
      table.users++;
    }
    slot.members.put(device, tag);
  }

  /**
   * Attaches a device to an address space. This uses a table that was made so earlier, if one fits,
   * or else a new one with this aperture and granule.
   *
   * @return the table
   * @throws RegionException as for {@link #attach(Device, int, Hwpt)} and {@link #allocate}
   */
  public synchronized Hwpt attach(
      Device device, int pasid, Ioas ioas, AddressSet.Range aperture, long granule)
      throws RegionException {
    Hwpt found = autoTable(device, pasid, ioas, false);
    if (found != null) {
      return found;
    }
    Hwpt table =
        new Hwpt(Hwpt.Kind.AUTO, device.unit(), ioas, null, Hwpt.Options.DEFAULT, aperture);
    attach(device, pasid, table);
    try {
      ioas.addTable(table, aperture, granule);
    } catch (RegionException e) {
      detach(device, pasid);
      throw e;
    }
    tables.computeIfAbsent(ioas, ignored -> new ArrayList<>()).add(table);
    return table;
  }

  private @Nullable Hwpt autoTable(Device device, int pasid, Ioas ioas, boolean replaces)
      throws RegionException {
    for (Hwpt table : List.copyOf(tables.getOrDefault(ioas, List.of()))) {
      if (table.kind() == Hwpt.Kind.AUTO) {
        try {
          if (replaces) {
            replace(device, pasid, table);
          } else {
            attach(device, pasid, table);
          }
          return table;
        } catch (RegionException e) {
          if (e.errno() != Errno.EINVAL) {
            throw e;
          }
        }
      }
    }
    return null;
  }

  /** Detaches the table; does nothing if none is attached. */
  public synchronized void detach(Device device, int pasid) {
    Group.Slot slot = device.group.slot(pasid);
    Group.Tag tag = slot == null ? null : slot.members.remove(device);
    if (slot == null || tag == null) {
      return;
    }
    slot.table.ioas().removeOwner(tag);
    if (slot.members.isEmpty()) {
      device.group.close(pasid);
      drop(slot.table);
    }
  }

  private void drop(Hwpt table) {
    table.users--;
    if (table.kind() == Hwpt.Kind.AUTO && table.users == 0) {
      free(table);
    }
  }

  /**
   * Replaces the table that a device's group has attached, for all its members.
   *
   * @throws RegionException EINVAL if nothing is attached or the table does not fit; EADDRINUSE if
   *     a region is mapped or allowed in the new address space; or what the hardware reports. The
   *     old table and every reservation remain in that case
   */
  public synchronized void replace(Device device, int pasid, Hwpt table) throws RegionException {
    check(table);
    Group.Slot slot = device.group.slot(pasid);
    if (slot == null || !slot.members.containsKey(device)) {
      throw RegionException.of(Errno.EINVAL, "%s has nothing attached to replace", device);
    }
    Hwpt old = slot.table;
    if (old.equals(table)) {
      return;
    }
    // All reservations of the new attachment are added before any of the old one is removed.
    Map<Device, Group.Tag> fresh = new LinkedHashMap<>();
    try {
      for (Device member : slot.members.keySet()) {
        fresh.put(member, rules.reserve(member, pasid, table));
      }
      rules.admit(device, pasid, table);
    } catch (RegionException e) {
      fresh.values().forEach(tag -> table.ioas().removeOwner(tag));
      throw e;
    }
    slot.members.values().forEach(tag -> old.ioas().removeOwner(tag));
    slot.members.putAll(fresh);
    slot.table = table;
    table.users++;
    drop(old);
  }

  /**
   * Replaces the table by one of an address space, chosen as {@link #attach(Device, int, Ioas,
   * AddressSet.Range, long)} does.
   *
   * @return the table
   * @throws RegionException as for {@link #replace(Device, int, Hwpt)} and {@link #allocate}
   */
  public synchronized Hwpt replace(
      Device device, int pasid, Ioas ioas, AddressSet.Range aperture, long granule)
      throws RegionException {
    Hwpt found = autoTable(device, pasid, ioas, true);
    if (found != null) {
      return found;
    }
    Hwpt table =
        new Hwpt(Hwpt.Kind.AUTO, device.unit(), ioas, null, Hwpt.Options.DEFAULT, aperture);
    ioas.addTable(table, aperture, granule);
    try {
      replace(device, pasid, table);
    } catch (RegionException e) {
      ioas.removeTable(table);
      throw e;
    }
    tables.computeIfAbsent(ioas, ignored -> new ArrayList<>()).add(table);
    return table;
  }

  // Attached tables.

  /** The table that a device's requests use, or null. */
  public synchronized @Nullable Hwpt attached(Device device, int pasid) {
    Group.Slot slot = device.group.slot(pasid);
    return slot != null && slot.members.containsKey(device) ? slot.table : null;
  }

  /** The PASIDs of a device that have tables; {@link #RID} is one of them if the RID has one. */
  public synchronized List<Integer> pasidsOf(Device device) {
    List<Integer> pasids = new ArrayList<>();
    for (int pasid : device.group.pasids()) {
      if (attached(device, pasid) != null) {
        pasids.add(pasid);
      }
    }
    pasids.sort(null);
    return pasids;
  }
}
