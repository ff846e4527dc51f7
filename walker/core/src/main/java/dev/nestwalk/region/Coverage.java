package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * How many owners cover each address, kept as disjoint segments. Adding or removing a range costs
 * logarithmic time for each segment that it overlaps; equal ranges of many owners are one segment.
 */
final class Coverage {
  /** The segments by first address. */
  private final TreeMap<Long, Segment> segments = new TreeMap<>(Long::compareUnsigned);

  private static final class Segment {
    final long last;
    int count;

    Segment(long last, int count) {
      this.last = last;
      this.count = count;
    }
  }

  /** Adds 1 to every address of a range. */
  void add(long first, long last) {
    splitAt(first);
    if (last != -1) {
      splitAt(last + 1);
    }
    long next = first;
    while (true) {
      Map.Entry<Long, Segment> entry = segments.ceilingEntry(next);
      boolean within = entry != null && Long.compareUnsigned(entry.getKey(), last) <= 0;
      if (entry == null || !within) {
        segments.put(next, new Segment(last, 1));
        return;
      }
      if (entry.getKey() != next) {
        segments.put(next, new Segment(entry.getKey() - 1, 1));
      }
      entry.getValue().count++;
      if (entry.getValue().last == last) {
        return;
      }
      next = entry.getValue().last + 1;
    }
  }

  /** Subtracts 1 from every address of a range that was added before. */
  void remove(long first, long last) {
    splitAt(first);
    if (last != -1) {
      splitAt(last + 1);
    }
    List<Long> empty = new ArrayList<>();
    for (Map.Entry<Long, Segment> entry : segments.subMap(first, true, last, true).entrySet()) {
      if (--entry.getValue().count == 0) {
        empty.add(entry.getKey());
      }
    }
    empty.forEach(segments::remove);
    joinAt(first);
    if (last != -1) {
      joinAt(last + 1);
    }
  }

  /** Splits the segment that covers {@code address}, if there is one, so that one begins there. */
  private void splitAt(long address) {
    Map.Entry<Long, Segment> below = segments.lowerEntry(address);
    if (below != null && Long.compareUnsigned(below.getValue().last, address) >= 0) {
      Segment segment = below.getValue();
      segments.put(below.getKey(), new Segment(address - 1, segment.count));
      segments.put(address, new Segment(segment.last, segment.count));
    }
  }

  /** Joins the segments on both sides of {@code address} if their counts are equal. */
  private void joinAt(long address) {
    Map.Entry<Long, Segment> below = segments.lowerEntry(address);
    Segment above = segments.get(address);
    if (below != null
        && above != null
        && below.getValue().last == address - 1
        && below.getValue().count == above.count) {
      segments.remove(address);
      segments.put(below.getKey(), new Segment(above.last, above.count));
    }
  }

  /** First address of {@code first..last} that is covered, or null. */
  @Nullable Long firstCovered(long first, long last) {
    Map.Entry<Long, Segment> at = segments.floorEntry(first);
    if (at != null && Long.compareUnsigned(at.getValue().last, first) >= 0) {
      return first;
    }
    Long next = segments.ceilingKey(first);
    return next != null && Long.compareUnsigned(next, last) <= 0 ? next : null;
  }

  /** Last address of the segment that covers {@code address}, or null if none does. */
  @Nullable Long lastOfCovering(long address) {
    Map.Entry<Long, Segment> at = segments.floorEntry(address);
    boolean covered = at != null && Long.compareUnsigned(at.getValue().last, address) >= 0;
    return at != null && covered ? at.getValue().last : null;
  }

  /** First covered address above {@code address}, or null. */
  @Nullable Long nextCovered(long address) {
    return segments.higherKey(address);
  }

  /** The covered addresses as a set. */
  AddressSet toSet() {
    List<AddressSet.Range> ranges = new ArrayList<>(segments.size());
    segments.forEach((first, segment) -> ranges.add(new AddressSet.Range(first, segment.last)));
    return AddressSet.ofSorted(ranges);
  }
}
