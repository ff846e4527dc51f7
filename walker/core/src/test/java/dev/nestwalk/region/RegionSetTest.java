package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Lookups equal a look at every region, for sets of every shape. */
class RegionSetTest {
  private static final RegionKind[] ORDER = {
    RegionKind.MSI,
    RegionKind.RESERVED,
    RegionKind.DIRECT,
    RegionKind.SW_MSI,
    RegionKind.DIRECT_RELAXABLE
  };

  private static @Nullable RegionKind slow(List<Region> regions, long address) {
    for (RegionKind kind : ORDER) {
      for (Region region : regions) {
        if (region.kind() == kind
            && Long.compareUnsigned(region.first(), address) <= 0
            && Long.compareUnsigned(address, region.last()) <= 0) {
          return kind;
        }
      }
    }
    return null;
  }

  @Test
  void lookupsEqualALookAtEveryRegion() {
    SplittableRandom random = new SplittableRandom(11);
    for (int round = 0; round < 2000; round++) {
      List<Region> regions = new ArrayList<>();
      int shift = random.nextInt(60);
      for (int i = random.nextInt(40); i > 0; i--) {
        long first = random.nextInt(10) == 0 ? random.nextLong() : random.nextLong() >>> shift;
        long last = first + (random.nextLong() >>> Math.min(63, shift + random.nextInt(8)));
        if (random.nextInt(20) == 0 || Long.compareUnsigned(last, first) < 0) {
          last = -1;
        }
        regions.add(new Region(first, last, ORDER[random.nextInt(5)]));
      }
      RegionSet set = RegionSet.of(regions);
      for (int i = 0; i < 200; i++) {
        long address = random.nextLong() >>> random.nextInt(64);
        if (!regions.isEmpty() && random.nextInt(2) == 0) {
          Region near = regions.get(random.nextInt(regions.size()));
          address = (random.nextBoolean() ? near.first() : near.last()) + random.nextInt(3) - 1;
        }
        assertEquals(slow(regions, address), set.kindAt(address), "0x%x".formatted(address));
        check(regions, set, address, random.nextInt(64));
      }
    }
  }

  private static void check(List<Region> regions, RegionSet set, long address, int log2) {
    long first = address & -1L << log2;
    long last = first + (1L << log2) - 1;
    boolean free =
        regions.stream()
            .allMatch(
                region ->
                    Long.compareUnsigned(region.last(), first) < 0
                        || Long.compareUnsigned(last, region.first()) < 0);
    assertEquals(free, set.isBlockFree(address, log2));
    assertEquals(free, set.firstReserved(first, last) == first - 1);
  }

  @Test
  void setsAreEqualIfTheirRegionsAre() {
    Region one = new Region(0x1000, 0x1fff, RegionKind.RESERVED);
    RegionSet set = RegionSet.of(List.of(one));
    assertEquals(set, RegionSet.of(List.of(one)));
    assertEquals(set.hashCode(), RegionSet.of(List.of(one)).hashCode());
    assertNotEquals(0, set.hashCode());
    for (Region other :
        List.of(
            new Region(0x800, 0x1fff, RegionKind.RESERVED),
            new Region(0x1000, 0x2fff, RegionKind.RESERVED),
            new Region(0x1000, 0x1fff, RegionKind.MSI))) {
      assertNotEquals(set, RegionSet.of(List.of(other)));
    }
    assertFalse(set.equals(one));
    assertTrue(set.isReserved(0x1fff));
    assertFalse(set.isReserved(0x2000));
  }

  @Test
  void theWholeAddressSpaceIsABlock() {
    RegionSet set = RegionSet.of(List.of(new Region(0x1000, 0x1fff, RegionKind.RESERVED)));
    assertFalse(set.isBlockFree(0, 64));
    assertTrue(set.isBlockFree(-1, 63));
    assertTrue(RegionSet.EMPTY.isBlockFree(0, 64));
  }
}
