package dev.nestwalk.region;

import static dev.nestwalk.region.World.range;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Lookups and complements, against a bitmap of pages and the published results. */
final class AddressSetTest {
  private static final AddressSet.Range ALL = new AddressSet.Range(0, -1);

  private static Region region(long first, long last, RegionKind kind) {
    return new Region(first, last, kind);
  }

  @Test
  void allowedIdentityOfAnAmdHost() {
    List<Region> regions =
        List.of(Region.X86_MSI, region(0xfd_0000_0000L, 0xff_ffff_ffffL, RegionKind.RESERVED));
    assertEquals(
        List.of(
            range(0, 0xfedf_ffffL),
            range(0xfef0_0000L, 0xfc_ffff_ffffL),
            range(0x100_0000_0000L, -1)),
        AddressSet.allowedIdentity(regions, ALL, 1, false));
  }

  @Test
  void allowedIdentityInA39BitWindow() {
    assertEquals(
        List.of(range(0, 0xfedf_ffffL), range(0xfef0_0000L, 0x7f_ffff_ffffL)),
        AddressSet.allowedIdentity(
            List.of(Region.X86_MSI), range(0, 0x7f_ffff_ffffL), 4096, false));
  }

  @Test
  void allowedIdentityOnArm() {
    assertEquals(
        List.of(range(0, 0x7ff_ffffL), range(0x810_0000, 0xffff_ffff_ffffL)),
        AddressSet.allowedIdentity(
            List.of(Region.ARM_SW_MSI), range(0, 0xffff_ffff_ffffL), 1, false));
  }

  @Test
  void relaxableRegionsCountOnlyWhenAskedFor() {
    List<Region> regions = List.of(region(0, 0xff_ffff, RegionKind.DIRECT_RELAXABLE));
    assertEquals(List.of(ALL), AddressSet.allowedIdentity(regions, ALL, 1, false));
    assertEquals(List.of(range(0x100_0000, -1)), AddressSet.allowedIdentity(regions, ALL, 1, true));
  }

  @Test
  void rangesShrinkToTheAlignmentAndVanish() {
    AddressSet set = AddressSet.of(List.of(region(0x1800, 0x27ff, RegionKind.RESERVED)));
    assertEquals(
        List.of(range(0, 0xfff), range(0x3000, 0x4fff)), set.complement(range(0, 0x4fff), 0x1000));
    assertEquals(List.of(), set.complement(range(0x1000, 0x2fff), 0x1000));
    assertEquals(
        List.of(), AddressSet.of(List.of(region(0, -1, RegionKind.MSI))).complement(ALL, 1));
  }

  @Test
  void lookupsEqualABitmapOfPages() {
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 2000; round++) {
      boolean[] pages = new boolean[64];
      List<Region> regions = new ArrayList<>();
      for (int i = 0; i < random.nextInt(8); i++) {
        int first = random.nextInt(64);
        int last = Math.min(63, first + random.nextInt(6));
        regions.add(region(first * 4096L, last * 4096L + 4095, RegionKind.RESERVED));
        for (int page = first; page <= last; page++) {
          pages[page] = true;
        }
      }
      AddressSet set = AddressSet.of(regions);
      for (int page = 0; page < 64; page++) {
        assertEquals(pages[page], set.contains(page * 4096L + random.nextInt(4096)));
        int last = Math.min(63, page + random.nextInt(5));
        boolean any = false;
        for (int other = page; other <= last; other++) {
          any |= pages[other];
        }
        assertEquals(any, set.intersects(page * 4096L, last * 4096L + 4095));
      }
      for (AddressSet.Range free : set.complement(range(0, 64 * 4096 - 1), 1)) {
        assertFalse(set.intersects(free.first(), free.last()));
        assertTrue(free.first() == 0 || set.contains(free.first() - 1));
        assertTrue(free.last() == 64 * 4096 - 1 || set.contains(free.last() + 1));
      }
    }
  }

  @Test
  void rangesThatTouchBecomeOne() {
    Region low = region(0x1000, 0x1fff, RegionKind.RESERVED);
    for (long first : new long[] {0x1800, 0x1fff, 0x2000}) {
      AddressSet set = AddressSet.of(List.of(low, region(first, 0x2fff, RegionKind.MSI)));
      assertEquals(List.of(range(0x1000, 0x2fff)), set.ranges());
    }
    assertEquals(2, AddressSet.of(List.of(low, region(0x2001, 0x2fff, RegionKind.MSI))).size());
  }

  @Test
  void oneByteCounts() {
    AddressSet set = AddressSet.of(List.of(region(5, 5, RegionKind.RESERVED)));
    assertEquals(List.of(range(5, 5)), set.ranges());
    assertTrue(set.contains(5) && set.intersects(5, 9) && set.intersects(0, 5));
    assertFalse(set.contains(4) || set.contains(6) || set.intersects(6, 9) || set.intersects(0, 4));
    assertEquals(List.of(range(6, 9)), set.complement(range(5, 9), 1));
    assertEquals(List.of(range(0, 4)), set.complement(range(0, 5), 1));
    assertEquals(List.of(range(4, 4)), set.complement(range(4, 5), 1), "and one byte is left");
    assertEquals(5, set.firstWithin(6, 9), "none behind the last range");
  }
}
