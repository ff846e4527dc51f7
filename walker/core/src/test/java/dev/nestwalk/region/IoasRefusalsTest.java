package dev.nestwalk.region;

import static dev.nestwalk.region.World.range;
import static dev.nestwalk.region.World.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Requests that an address space refuses, each with its error, and with nothing changed. */
final class IoasRefusalsTest {
  private static final int BOTH = Ioas.READ | Ioas.WRITE;

  private final Ioas ioas = new Ioas();

  @Test
  void aCopyNeedsEveryByteMappedAndItsRights() throws RegionException {
    Ioas from = new Ioas();
    from.mapFixed(0x1000, 0x1000, 0x7000_0000L, BOTH);
    from.mapFixed(0x2000, 0x1000, 0x9000_0000L, Ioas.READ);
    refused(Errno.EINVAL, () -> ioas.copyFixed(from, 0x1000, 0, 0x1000, BOTH));
    refused(Errno.ENOENT, () -> ioas.copyFixed(from, 0x2000, 0x1001, 0x1000, Ioas.READ));
    refused(Errno.ENOENT, () -> ioas.copyFixed(from, 0xfff, 2, 0x1000, Ioas.READ));
    refused(Errno.EPERM, () -> ioas.copyFixed(from, 0x1000, 0x1001, 0x1000, BOTH));
    refused(Errno.EPERM, () -> ioas.copyFixed(from, 0x2000, 0x1000, 0x1000, Ioas.WRITE));
    assertEquals(List.of(), ioas.mapped());
    ioas.copyFixed(from, 0x1800, 0x1800, 0x5000, Ioas.READ);
    assertEquals(List.of(range(0x5000, 0x67ff)), ioas.mapped());
    ioas.copyFixed(from, 0x1000, 0x1000, 0x1000, BOTH);
  }

  /** Memory that a device may only write is copied for reading, too: only writes are refused. */
  @Test
  void aCopyMayReadWhatIsMappedForWritingAlone() throws RegionException {
    Ioas from = new Ioas();
    from.mapFixed(0x1000, 0x1000, 0x7000_0000L, Ioas.WRITE);
    ioas.copyFixed(from, 0x1000, 0x1000, 0x1000, BOTH);
    assertEquals(List.of(range(0x1000, 0x1fff)), ioas.mapped());
  }

  @Test
  void allowedRangesThatOverlapInAnyWayAreRefused() throws RegionException {
    AddressSet.Range middle = range(0x3000, 0x4fff);
    for (AddressSet.Range other :
        List.of(
            range(0x3000, 0x4fff),
            range(0x2000, 0x3000),
            range(0x4fff, 0x5fff),
            range(0x3800, 0x3fff),
            range(0x2000, 0x5fff))) {
      refused(Errno.EINVAL, () -> ioas.allow(List.of(middle, other)));
      refused(Errno.EINVAL, () -> ioas.allow(List.of(other, middle)));
      refused(Errno.EINVAL, () -> ioas.allow(List.of(range(0x7000, 0x7fff), middle, other)));
    }
    ioas.allow(List.of(range(0x5000, 0x5fff), middle, range(0x2000, 0x2fff)));
  }

  @Test
  void whatIsUnmappedIsThereWholeAndNotLocked() throws RegionException {
    ioas.mapFixed(0x1000, 0x1000, 0, BOTH);
    ioas.mapFixed(0x2000, 0x1000, 0, BOTH);
    refused(Errno.EINVAL, () -> ioas.unmap(0x1000, 0));
    refused(Errno.EINVAL, () -> ioas.unmapVfio(0x1000, 0, false));
    refused(Errno.EINVAL, () -> ioas.unmapVfio(0x1000, 0, true));
    refused(Errno.EOVERFLOW, () -> ioas.unmap(Ioas.LAST, 1));
    refused(Errno.ENOENT, () -> ioas.unmap(0x3000, 0x1000));
    refused(Errno.ENOENT, () -> ioas.unmap(0x1000, 0x1800));
    assertEquals(List.of(range(0x2000, 0x2fff)), ioas.mapped(), "the first part went");
    refused(Errno.ENOENT, () -> ioas.unmap(0x2800, 0x800));
    refused(Errno.ENOENT, () -> ioas.lock(0x1fff));
    ioas.lock(0x2fff);
    ioas.lock(0x2000);
    ioas.unlock(0x2000);
    refused(Errno.EBUSY, () -> ioas.unmap(0x2000, 0x1000));
    ioas.unlock(0x3000);
    refused(Errno.EBUSY, () -> ioas.unmapVfio(0, 0, true));
    ioas.unlock(0x2fff);
    ioas.unlock(0x2fff);
    assertEquals(0x1000, ioas.unmap(0, Ioas.LAST));
    assertEquals(0, ioas.unmap(0, Ioas.LAST), "everything of nothing");
    assertEquals(0, ioas.unmapVfio(0x1000, 0x1000, false));
  }

  @Test
  void aPlaceIsChosenForAlignedMemoryOnlyWhereAnAlignmentIsAskedFor() throws RegionException {
    ioas.align("owner", 4096);
    refused(Errno.EINVAL, () -> ioas.map(0x1000, 0x7000_0800L, BOTH));
    refused(Errno.EINVAL, () -> ioas.mapFixed(0x1000, 0x1000, 0x7000_0800L, BOTH));
    refused(Errno.EINVAL, () -> ioas.mapFixed(0x1800, 0x1000, 0x7000_0000L, BOTH));
    refused(Errno.EINVAL, () -> ioas.map(0x800, 0x7000_0000L, BOTH));
    assertEquals(List.of(), ioas.mapped());
    assertEquals(0, ioas.map(0x1000, 0x7000_0000L, BOTH) & 0xfff);
  }

  @Test
  void aPlaceLiesInTheFirstAllowedWindowThatHasRoom() throws RegionException {
    ioas.allow(List.of(range(0x10_0000, 0x10_0fff), range(0x20_0000, 0x20_3fff)));
    assertEquals(0x10_0000, ioas.map(0x1000, 0, BOTH));
    assertEquals(0x20_0000, ioas.map(0x1000, 0, BOTH));
    assertEquals(0x20_1000, ioas.map(0x1000, 0, BOTH));
    assertEquals(0x20_2000, ioas.map(0x2000, 0, BOTH));
    refused(Errno.ENOSPC, () -> ioas.map(0x1000, 0, BOTH));
    ioas.unmap(0x10_0000, 0x1000);
    assertEquals(0x10_0000, ioas.map(0x1000, 0, BOTH));
  }

  @Test
  void anAlignmentThatMappingsDoNotHaveIsRefused() throws RegionException {
    ioas.mapFixed(0x1000, 0x800, 0x7000_0000L, BOTH);
    refused(Errno.EADDRINUSE, () -> ioas.align("owner", 4096));
    ioas.align("owner", 2048);
    refused(Errno.EINVAL, () -> ioas.align("owner", 8192));
    refused(Errno.EINVAL, () -> ioas.align("owner", 24));
    assertEquals(2048, ioas.alignment());
  }

  @Test
  void rangesThatDoNotFitAnArrayAreCounted() throws RegionException {
    ioas.reserve("owner", 0x1000, 0x1000);
    ioas.reserve("owner", 0x4000, 0x1000);
    long[] room = new long[4];
    refused(Errno.EMSGSIZE, () -> ioas.ranges(room));
    assertEquals(
        List.of(0L, 0xfffL, 0x2000L, 0x3fffL), List.of(room[0], room[1], room[2], room[3]));
    assertEquals(3, ioas.ranges(new long[6]));
    refused(Errno.EINVAL, () -> ioas.reserve("owner", 0x1000, 0));
    refused(Errno.EOVERFLOW, () -> ioas.reserve("owner", -4096, 8192));
  }

  @Test
  void aRegionEndsNotBelowItsFirstAddress() {
    assertThrows(
        IllegalArgumentException.class, () -> new Region(0x1000, 0xfff, RegionKind.RESERVED));
    assertThrows(IllegalArgumentException.class, () -> new Region(-1, 0, RegionKind.RESERVED));
  }

  @Test
  void theFirstAddressOfASetWithinARangeIsFoundOrNone() {
    List<Region> regions =
        List.of(
            new Region(0x1000, 0x1fff, RegionKind.RESERVED),
            new Region(-4096, -1, RegionKind.DIRECT));
    AddressSet set = AddressSet.of(regions);
    RegionSet byKind = RegionSet.of(regions);
    long[][] rows = {
      {0, 0xfff, -1}, {0, 0x1000, 0x1000}, {0x1800, 0x5000, 0x1800}, {0x1fff, 0x1fff, 0x1fff},
      {0x2000, 0x5000, 0x1fff}, {0x2000, -4096, -4096}, {0x2000, -4097, 0x1fff}, {-1, -1, -1},
    };
    for (long[] row : rows) {
      assertEquals(row[2], set.firstWithin(row[0], row[1]), () -> Long.toHexString(row[0]));
      assertEquals(row[2], byKind.firstReserved(row[0], row[1]), () -> Long.toHexString(row[0]));
    }
    assertEquals(List.of(range(0x1000, 0x1fff), range(-4096, -1)), set.ranges());
    assertEquals(2, set.size());
    assertEquals(regions, byKind.regions());
    assertEquals(regions.toString(), byKind.toString());
    assertEquals(RegionSet.of(regions).hashCode(), byKind.hashCode());
  }

  @Test
  void mappingsMeetFromTheirFirstByteToTheirLast() throws RegionException {
    ioas.mapFixed(0x2000, 0x1000, 0, BOTH);
    for (long first : new long[] {0x2000, 0x2800, 0x2fff}) {
      refused(Errno.EEXIST, () -> ioas.mapFixed(first, 1, 0, BOTH));
    }
    refused(Errno.EEXIST, () -> ioas.mapFixed(0x1000, 0x1001, 0, BOTH));
    refused(Errno.EEXIST, () -> ioas.mapFixed(0x2fff, 2, 0, BOTH));
    ioas.mapFixed(0x1000, 0x1000, 0, BOTH);
    ioas.mapFixed(0x3000, 1, 0, BOTH);
  }

  @Test
  void aCopyHasTheMemoryOfItsFirstByte() throws RegionException {
    Ioas from = new Ioas();
    from.mapFixed(0x1000, 0x1000, 0x7000_0000L, BOTH);
    from.mapFixed(0x2000, 0x1000, 0x9000_0800L, BOTH);
    ioas.align("owner", 4096);
    ioas.copyFixed(from, 0x1000, 0x2000, 0x5000, BOTH);
    refused(Errno.EINVAL, () -> ioas.copyFixed(from, 0x2000, 0x1000, 0x8000, BOTH));
    assertEquals(List.of(range(0x5000, 0x6fff)), ioas.mapped());
  }

  @Test
  void theLastAddressAndTheWholeSpaceAreNeverMapped() throws RegionException {
    refused(Errno.EOVERFLOW, () -> ioas.mapFixed(Ioas.LAST, 1, 0, BOTH));
    refused(Errno.EOVERFLOW, () -> ioas.mapFixed(0, Ioas.LAST, 0, BOTH));
    refused(Errno.EOVERFLOW, () -> ioas.map(Ioas.LAST, 0, BOTH));
    assertEquals(List.of(), ioas.mapped());
    ioas.mapFixed(Ioas.LAST - 1, 1, 0, BOTH);
  }

  @Test
  void aPlaceIsAlignedToTwoMebibytesAtMost() throws RegionException {
    long size = 8L << 20;
    assertEquals(2L << 20, ioas.map(size, 0, BOTH));
    assertEquals(10L << 20, ioas.map(size, 0, BOTH));
    assertEquals(18L << 20, ioas.map(size, 1L << 30, BOTH));
  }

  @Test
  void ownersOfAdjacentRangesGiveUpTheirOwn() throws RegionException {
    ioas.reserve("low", 0x1000, 0x3000);
    ioas.reserve("middle", 0x2000, 0x1000);
    ioas.reserve("high", 0x4000, 0x1000);
    assertEquals(1, ioas.reserved().size(), "adjacent ranges are one");
    ioas.removeOwner("low");
    assertEquals(List.of(range(0x2000, 0x2fff), range(0x4000, 0x4fff)), ioas.reserved().ranges());
    ioas.reserve("low", 0x1000, 0x1000);
    ioas.reserve("other", 0x1000, 0x2000);
    ioas.removeOwner("low");
    ioas.removeOwner("middle");
    assertEquals(List.of(range(0x1000, 0x2fff), range(0x4000, 0x4fff)), ioas.reserved().ranges());
    ioas.removeOwner("other");
    ioas.removeOwner("high");
    assertEquals(0, ioas.reserved().size());
  }
}
