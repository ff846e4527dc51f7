package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reserved addresses with the kind that counts at each, for translators, which look here before
 * they read a table. Where regions overlap, interrupt windows take precedence over holes, and holes
 * over identity mappings.
 *
 * <p>Threads: immutable; lookups allocate nothing.
 */
public final class RegionSet {
  /** The empty set. */
  public static final RegionSet EMPTY = of(List.of());

  private static final RegionKind[] PRECEDENCE = {
    RegionKind.MSI,
    RegionKind.RESERVED,
    RegionKind.DIRECT,
    RegionKind.SW_MSI,
    RegionKind.DIRECT_RELAXABLE
  };

  private final long[] firsts;
  private final long[] lasts;
  private final RegionKind[] kinds;

  /** Lookups divide the addresses from the first range on into equal shares of 2^this bytes. */
  private final int shareShift;

  /** For each share the last range that begins at or below its start; one more entry at the end. */
  private final int[] shares;

  private RegionSet(long[] firsts, long[] lasts, RegionKind[] kinds) {
    this.firsts = firsts;
    this.lasts = lasts;
    this.kinds = kinds;
    int count = firsts.length;
    long extent = count == 0 ? 0 : firsts[count - 1] - firsts[0];
    int wanted = 64 - Long.numberOfLeadingZeros(2L * count);
    shareShift = Math.max(0, 64 - Long.numberOfLeadingZeros(extent) - wanted);
    int size = (int) (extent >>> shareShift) + 1;
    shares = new int[size + 1];
    int range = 0;
    for (int share = 0; share < size; share++) {
      long start = firsts.length == 0 ? 0 : firsts[0] + ((long) share << shareShift);
      while (range + 1 < count && Long.compareUnsigned(firsts[range + 1], start) <= 0) {
        range++;
      }
      shares[share] = range;
    }
    shares[size] = Math.max(0, count - 1);
  }

  /** The set of regions. */
  public static RegionSet of(Collection<Region> regions) {
    // The boundaries in order: where a region begins, and the address after its last one.
    record Boundary(long at, boolean beyond, RegionKind kind, int step) {}
    List<Boundary> boundaries = new ArrayList<>(2 * regions.size());
    for (Region region : regions) {
      boundaries.add(new Boundary(region.first(), false, region.kind(), 1));
      boundaries.add(new Boundary(region.last() + 1, region.last() == -1, region.kind(), -1));
    }
    boundaries.sort(
        (one, other) ->
            one.beyond != other.beyond
                ? Boolean.compare(one.beyond, other.beyond)
                : Long.compareUnsigned(one.at, other.at));
    long[] firsts = new long[boundaries.size()];
    long[] lasts = new long[boundaries.size()];
    RegionKind[] kinds = new RegionKind[boundaries.size()];
    Map<RegionKind, Integer> counts = new EnumMap<>(RegionKind.class);
    int size = 0;
    @Nullable RegionKind open = null;
    for (int i = 0; i < boundaries.size(); ) {
      long at = boundaries.get(i).at;
      boolean beyond = boundaries.get(i).beyond;
      while (i < boundaries.size()
          && boundaries.get(i).at == at
          && boundaries.get(i).beyond == beyond) {
        counts.merge(boundaries.get(i).kind, boundaries.get(i).step, Integer::sum);
        i++;
      }
      RegionKind now = first(counts);
      if (now != open) {
        if (open != null) {
          lasts[size++] = at - 1;
        }
        if (now != null) {
          firsts[size] = at;
          kinds[size] = now;
        }
        open = now;
      }
    }
    return new RegionSet(
        Arrays.copyOf(firsts, size), Arrays.copyOf(lasts, size), Arrays.copyOf(kinds, size));
  }

  private static @Nullable RegionKind first(Map<RegionKind, Integer> counts) {
    for (RegionKind kind : PRECEDENCE) {
      if (counts.getOrDefault(kind, 0) != 0) {
        return kind;
      }
    }
    return null;
  }

  /** Index of the last range that begins at or below an address, or -1. */
  private int rangeBelow(long address) {
    if (firsts.length == 0 || Long.compareUnsigned(address, firsts[0]) < 0) {
      return -1;
    }
    // The address's share leaves few ranges to search, mostly one.
    long share = Math.min(address - firsts[0] >>> shareShift, shares.length - 2L);
    share = share < 0 ? shares.length - 2L : share;
    int low = shares[(int) share];
    int high = shares[(int) share + 1];
    while (low < high) {
      int middle = low + high + 1 >>> 1;
      if (Long.compareUnsigned(firsts[middle], address) <= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** The kind that counts at an address, or null if it is not reserved. */
  public @Nullable RegionKind kindAt(long address) {
    int at = rangeBelow(address);
    return at >= 0 && Long.compareUnsigned(address, lasts[at]) <= 0 ? kinds[at] : null;
  }

  /** Whether an address is reserved. */
  public boolean isReserved(long address) {
    return kindAt(address) != null;
  }

  /**
   * The first address of {@code first..last} that is reserved.
   *
   * @return the address, or {@code first - 1} if there is none
   */
  public long firstReserved(long first, long last) {
    int at = rangeBelow(first);
    if (at >= 0 && Long.compareUnsigned(first, lasts[at]) <= 0) {
      return first;
    }
    boolean next = at + 1 < firsts.length && Long.compareUnsigned(firsts[at + 1], last) <= 0;
    return next ? firsts[at + 1] : first - 1;
  }

  /**
   * Whether no address is reserved in the naturally aligned block of 2^{@code log2} bytes around an
   * address.
   */
  public boolean isBlockFree(long address, int log2) {
    long mask = log2 >= 64 ? -1 : (1L << log2) - 1;
    int at = rangeBelow(address | mask);
    return at < 0 || Long.compareUnsigned(address & ~mask, lasts[at]) > 0;
  }

  /** The regions, disjoint and in ascending order. */
  public List<Region> regions() {
    List<Region> all = new ArrayList<>(firsts.length);
    for (int i = 0; i < firsts.length; i++) {
      all.add(new Region(firsts[i], lasts[i], kinds[i]));
    }
    return all;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof RegionSet set
        && Arrays.equals(firsts, set.firsts)
        && Arrays.equals(lasts, set.lasts)
        && Arrays.equals(kinds, set.kinds);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(firsts);
  }

  @Override
  public String toString() {
    return regions().toString();
  }
}
