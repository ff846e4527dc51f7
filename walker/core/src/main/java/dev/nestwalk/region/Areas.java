package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The mapped ranges of an address space, none of which overlap. */
final class Areas {
  private final TreeMap<Long, Area> byFirst = new TreeMap<>(Long::compareUnsigned);

  /** A mapped range: where its memory is, its rights, and how many locks hold it. */
  static final class Area {
    final long first;
    final long last;
    final long source;
    final int rights;
    int locks;

    Area(long first, long last, long source, int rights) {
      this.first = first;
      this.last = last;
      this.source = source;
      this.rights = rights;
    }
  }

  /** Adds a range that meets no other. */
  void add(Area area) {
    byFirst.put(area.first, area);
  }

  /** All of them, in ascending order. */
  Collection<Area> all() {
    return byFirst.values();
  }

  /** The ranges, in ascending order. */
  List<AddressSet.Range> ranges() {
    List<AddressSet.Range> all = new ArrayList<>(byFirst.size());
    byFirst.values().forEach(area -> all.add(new AddressSet.Range(area.first, area.last)));
    return all;
  }

  /** The first one that overlaps {@code first..last}, or null. */
  @Nullable Area meeting(long first, long last) {
    Map.Entry<Long, Area> below = byFirst.floorEntry(first);
    if (below != null && Long.compareUnsigned(below.getValue().last, first) >= 0) {
      return below.getValue();
    }
    Map.Entry<Long, Area> above = byFirst.ceilingEntry(first);
    boolean meets = above != null && Long.compareUnsigned(above.getKey(), last) <= 0;
    return above != null && meets ? above.getValue() : null;
  }

  /** Last address of the one that holds {@code address}, or 0. */
  long lastOfHolding(long address) {
    Area area = meeting(address, address);
    return area == null ? 0 : area.last;
  }

  /** First address of the next one above {@code address}, or null. */
  @Nullable Long nextAbove(long address) {
    return byFirst.higherKey(address);
  }

  /**
   * Removes those in {@code first..last}, in ascending order.
   *
   * @return number of bytes removed
   * @throws RegionException EBUSY at one that is locked, ENOENT at one that extends beyond the
   *     range; those before are removed
   */
  long removeWithin(long first, long last) throws RegionException {
    long bytes = 0;
    Area area = meeting(first, last);
    while (area != null) {
      if (area.locks != 0) {
        throw RegionException.of(
            Errno.EBUSY, "the mapping 0x%x-0x%x is locked", area.first, area.last);
      }
      if (Long.compareUnsigned(area.first, first) < 0
          || Long.compareUnsigned(area.last, last) > 0) {
        throw RegionException.of(
            Errno.ENOENT, "the mapping 0x%x-0x%x sticks out", area.first, area.last);
      }
      byFirst.remove(area.first);
      bytes += area.last - area.first + 1;
      area = area.last == Ioas.LAST ? null : meeting(area.last, last);
    }
    return bytes;
  }

  /**
   * The address of the memory behind {@code first..last}.
   *
   * @throws RegionException ENOENT at a gap, EPERM if {@code rights} has write and one is mapped
   *     read-only
   */
  long source(long first, long last, int rights) throws RegionException {
    long next = first;
    Area start = null;
    while (true) {
      Area area = meeting(next, next);
      if (area == null) {
        throw RegionException.of(Errno.ENOENT, "0x%x is not mapped", next);
      }
      if ((rights & ~area.rights & Ioas.WRITE) != 0) {
        throw RegionException.of(Errno.EPERM, "0x%x is mapped read-only", next);
      }
      start = start == null ? area : start;
      if (Long.compareUnsigned(area.last, last) >= 0) {
        return start.source + (first - start.first);
      }
      next = area.last + 1;
    }
  }
}
