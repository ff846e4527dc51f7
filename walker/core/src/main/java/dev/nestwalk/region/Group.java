package dev.nestwalk.region;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Devices that cannot be told apart: they share one table for each PASID. */
final class Group {
  final String name;

  /** By PASID, {@link Tracker#RID} for requests without. */
  private final Map<Integer, Slot> slots = new HashMap<>();

  /** One table and the devices that it is attached to, each with the tag of what it reserved. */
  static final class Slot {
    Hwpt table;
    final Map<Device, Tag> members = new LinkedHashMap<>();

    Slot(Hwpt table) {
      this.table = table;
    }
  }

  /** What a device reserves by one route; an identity of its own. */
  static final class Tag {
    private final String text;

    Tag(String text) {
      this.text = text;
    }

    @Override
    public String toString() {
      return text;
    }
  }

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
