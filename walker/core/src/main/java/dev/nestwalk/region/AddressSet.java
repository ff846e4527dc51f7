package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * A set of 64-bit addresses as disjoint ranges, with lookups that allocate nothing: the reserved
 * addresses of any number of regions of any kinds.
 *
 * <p>Threads: immutable.
 */
public final class AddressSet {
  private final long[] firsts;
  private final long[] lasts;

  private AddressSet(long[] firsts, long[] lasts) {
    this.firsts = firsts;
    this.lasts = lasts;
  }

  /**
   * A range of addresses.
   *
   * @param first first address, unsigned
   * @param last last address, inclusive
   */
  public record Range(long first, long last) {}

  /** The union of regions; overlapping and adjacent ones become one range. */
  public static AddressSet of(Collection<Region> regions) {
    List<Range> ranges = new ArrayList<>(regions.size());
    regions.forEach(region -> ranges.add(new Range(region.first(), region.last())));
    ranges.sort((one, other) -> Long.compareUnsigned(one.first, other.first));
    return ofSorted(ranges);
  }

  /** The union of ranges, which are sorted by their first addresses. */
  static AddressSet ofSorted(List<Range> sorted) {
    long[] firsts = new long[sorted.size()];
    long[] lasts = new long[sorted.size()];
    int count = 0;
    for (Range range : sorted) {
      boolean joins =
          count > 0
              && (lasts[count - 1] == -1
                  || Long.compareUnsigned(range.first, lasts[count - 1] + 1) <= 0);
      if (!joins) {
        firsts[count] = range.first;
        lasts[count] = range.last;
        count++;
      } else if (Long.compareUnsigned(range.last, lasts[count - 1]) > 0) {
        lasts[count - 1] = range.last;
      }
    }
    return new AddressSet(Arrays.copyOf(firsts, count), Arrays.copyOf(lasts, count));
  }

  /** Index of the last range that begins at or below {@code address}, or -1. */
  private int rangeBelow(long address) {
    int low = 0;
    int high = firsts.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(firsts[middle], address) <= 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return high;
  }

  /** Whether {@code address} is in the set. */
  public boolean contains(long address) {
    int at = rangeBelow(address);
    return at >= 0 && Long.compareUnsigned(address, lasts[at]) <= 0;
  }

  /** Whether any address of {@code first..last} is in the set. */
  public boolean intersects(long first, long last) {
    int at = rangeBelow(last);
    return at >= 0 && Long.compareUnsigned(first, lasts[at]) <= 0;
  }

  /**
   * The first address of {@code first..last} that is in the set.
   *
   * @return the address, or {@code first - 1} if there is none
   */
  public long firstWithin(long first, long last) {
    int at = rangeBelow(first);
    if (at >= 0 && Long.compareUnsigned(first, lasts[at]) <= 0) {
      return first;
    }
    boolean next = at + 1 < firsts.length && Long.compareUnsigned(firsts[at + 1], last) <= 0;
    return next ? firsts[at + 1] : first - 1;
  }

  /** The parts of the ranges that lie within a window. */
  List<Range> cut(long first, long last) {
    List<Range> cut = new ArrayList<>();
    for (int i = 0; i < firsts.length; i++) {
      long low = Long.compareUnsigned(firsts[i], first) < 0 ? first : firsts[i];
      long high = Long.compareUnsigned(lasts[i], last) > 0 ? last : lasts[i];
      if (Long.compareUnsigned(low, high) <= 0) {
        cut.add(new Range(low, high));
      }
    }
    return cut;
  }

  /** The ranges, in ascending order. */
  public List<Range> ranges() {
    return cut(0, -1);
  }

  /** Number of disjoint ranges. */
  public int size() {
    return firsts.length;
  }

  /**
   * The parts of a window that are not in the set.
   *
   * @param window first and last address
   * @param align power of two; ranges are shrunk to multiples of it, and empty ones are left out
   */
  public List<Range> complement(Range window, long align) {
    List<Range> left = new ArrayList<>();
    long next = window.first;
    for (int i = 0; i < firsts.length; i++) {
      if (Long.compareUnsigned(lasts[i], next) < 0) {
        continue;
      }
      if (Long.compareUnsigned(firsts[i], window.last) > 0) {
        break;
      }
      if (Long.compareUnsigned(firsts[i], next) > 0) {
        shrink(left, next, firsts[i] - 1, align);
      }
      if (Long.compareUnsigned(lasts[i], window.last) >= 0) {
        return left;
      }
      next = lasts[i] + 1;
    }
    shrink(left, next, window.last, align);
    return left;
  }

  private static void shrink(List<Range> left, long first, long last, long align) {
    long up = first + (align - 1) & -align;
    long down = (last + 1 & -align) - 1;
    boolean wrapped = Long.compareUnsigned(up, first) < 0;
    boolean empty = last != -1 && down == -1 || Long.compareUnsigned(down, up) < 0;
    if (!wrapped && !empty) {
      left.add(new Range(up, down));
    }
  }

  /**
   * Ranges in which bus addresses can equal guest-physical addresses for all the devices whose
   * regions are given. A virtual machine monitor needs these before it lays out memory.
   *
   * @param regions regions of all devices
   * @param window addresses of interest
   * @param align power of two
   * @param relaxable whether relaxable regions count
   */
  public static List<Range> allowedIdentity(
      Collection<Region> regions, Range window, long align, boolean relaxable) {
    List<Region> counted = new ArrayList<>();
    for (Region region : regions) {
      if (relaxable || region.kind() != RegionKind.DIRECT_RELAXABLE) {
        counted.add(region);
      }
    }
    return of(counted).complement(window, align);
  }
}
