package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Group lists merge within a kind and keep kinds apart. */
final class RegionListTest {
  private static Region region(long first, long last, RegionKind kind) {
    return new Region(first, last, kind);
  }

  private static List<Region> list(Region... regions) {
    RegionList list = new RegionList();
    for (Region region : regions) {
      list.add(region);
    }
    return list.regions();
  }

  @Test
  void touchingRegionsOfOneKindBecomeOne() {
    assertEquals(
        List.of(region(0x1000, 0x2fff, RegionKind.DIRECT)),
        list(region(0x1000, 0x1fff, RegionKind.DIRECT), region(0x2000, 0x2fff, RegionKind.DIRECT)));
  }

  @Test
  void equalRegionsOfTwoKindsStayInOrderOfKind() {
    Region direct = region(0x1000, 0x1fff, RegionKind.DIRECT);
    Region relaxable = region(0x1000, 0x1fff, RegionKind.DIRECT_RELAXABLE);
    assertEquals(List.of(direct, relaxable), list(relaxable, direct));
  }

  @Test
  void hardwareAndSoftwareWindowsAreNotMerged() {
    Region hardware = region(0x800_0000, 0x80f_ffff, RegionKind.MSI);
    assertEquals(List.of(hardware, Region.ARM_SW_MSI), list(Region.ARM_SW_MSI, hardware));
  }

  @Test
  void regionsApartAreSorted() {
    Region low = region(0x1000, 0x1fff, RegionKind.RESERVED);
    Region high = region(0x3000, 0x3fff, RegionKind.RESERVED);
    assertEquals(List.of(low, high), list(high, low));
  }

  @Test
  void overlappingKindsStayTwoLines() {
    Region direct = region(0x1000, 0x4fff, RegionKind.DIRECT);
    Region msi = region(0x2000, 0x2fff, RegionKind.MSI);
    assertEquals(List.of(direct, msi), list(msi, direct));
  }

  @Test
  void regionAtTheTopOfTheSpaceSwallowsWhatItOverlaps() {
    assertEquals(
        List.of(region(0x1000, -1, RegionKind.RESERVED)),
        list(region(0x1000, -1, RegionKind.RESERVED), region(0x2000, -1, RegionKind.RESERVED)));
  }

  @Test
  void aRegionTakesInAllOfItsKindThatItTouches() {
    Region msi = region(0x3800, 0x38ff, RegionKind.MSI);
    assertEquals(
        List.of(region(0, 0xffff, RegionKind.RESERVED), msi),
        list(
            region(0x1000, 0x1fff, RegionKind.RESERVED),
            region(0x3000, 0x3fff, RegionKind.RESERVED),
            msi,
            region(0x5000, 0x5fff, RegionKind.RESERVED),
            region(0x7000, 0x7fff, RegionKind.RESERVED),
            region(0, 0xffff, RegionKind.RESERVED)));
  }
}
