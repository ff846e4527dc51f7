package dev.nestwalk.region;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Devices that the IOMMU cannot tell apart, which therefore share one table for each PASID. */
final class Group {
  final String name;

  /** The slots by PASID; {@link Tracker#RID} is for requests without one. */
  private final Map<Integer, Slot> slots = new HashMap<>();

  /** A table and the devices that it is attached to, each with the tag of its reservations. */
  static final class Slot {
    Hwpt table;
    final Map<Device, Tag> members = new LinkedHashMap<>();

    Slot(Hwpt table) {
      this.table = table;
    }
  }

  /**
   * Owner of the reservations that a device makes through one attachment; tags are compared by
   * identity.
   */
  static final class Tag {}

  Group(String name) {
    this.name = name;
  }

  @Nullable Slot slot(int pasid) {
    return slots.get(pasid);
  }

  Slot open(int pasid, Hwpt table) {
    return slots.computeIfAbsent(pasid, ignored -> new Slot(table));
  }

  void close(int pasid) {
    slots.remove(pasid);
  }

  Set<Integer> pasids() {
    return slots.keySet();
  }
}
