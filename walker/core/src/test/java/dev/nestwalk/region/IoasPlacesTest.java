package dev.nestwalk.region;

import static dev.nestwalk.region.World.range;
import static dev.nestwalk.region.World.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The places that an address space chooses, to the byte, and after something was released. */
final class IoasPlacesTest {
  private static final int BOTH = Ioas.READ | Ioas.WRITE;

  private final Ioas ioas = new Ioas();

  @Test
  void bytesOneByOneAreNeverPlacedOnEachOther() throws RegionException {
    for (long at = 0x1000; at < 0x1010; at++) {
      assertEquals(at, ioas.map(1, 0, BOTH));
    }
    ioas.reserve("owner", 0x1010, 1);
    assertEquals(0x1011, ioas.map(1, 0, BOTH));
  }

  @Test
  void aPlaceThatIsGivenBackIsTheNextOneChosen() throws RegionException {
    ioas.reserve("owner", 0x1000, 0x1000);
    assertEquals(0x2000, ioas.map(0x1000, 0, BOTH));
    ioas.removeOwner("owner");
    assertEquals(0x1000, ioas.map(0x1000, 0, BOTH), "a reservation was removed");
    ioas.allow(List.of(range(0x10_0000, 0x1f_ffff)));
    assertEquals(0x10_0000, ioas.map(0x1000, 0, BOTH));
    ioas.allow(List.of(range(0x8_0000, 0x1f_ffff)));
    assertEquals(0x8_0000, ioas.map(0x1000, 0, BOTH), "a lower window is allowed");
  }

  /** Host addresses are unsigned: those of a kernel's half have the same places as others. */
  @Test
  void theTopBitOfTheMemorysAddressMovesNoPlace() throws RegionException {
    assertEquals(0x1800, new Ioas().map(0x1000, 0xffff_8880_0000_0800L, BOTH));
    for (long offset = 1; offset <= 0x1000; offset++) {
      for (long length : new long[] {1, 0x800, 0x1000, 0x3000}) {
        for (long high : new long[] {Long.MIN_VALUE, 0xffff_8880_0000_0000L}) {
          long low = 0x7000_0000L + offset;
          assertEquals(new Ioas().map(length, low, BOTH), new Ioas().map(length, high + low, BOTH));
        }
      }
    }
  }

  @Test
  void alignmentOfMemoryInTheUpperHalfIsChecked() throws RegionException {
    ioas.align("4096", 4096);
    refused(Errno.EINVAL, () -> ioas.mapFixed(0x1000, 0x1000, 0xffff_8880_0000_0800L, BOTH));
    ioas.mapFixed(0x1000, 0x1000, 0xffff_8880_0000_1000L, BOTH);
    Ioas other = new Ioas();
    other.mapFixed(0x1000, 0x1000, 0xffff_8880_0000_0800L, BOTH);
    other.align("2048", 2048);
    refused(Errno.EADDRINUSE, () -> other.align("4096", 4096));
  }

  @Test
  void onlyPowersOfTwoUpToAPageAreAlignments() throws RegionException {
    for (int log2 = 0; log2 < 64; log2++) {
      long granule = 1L << log2;
      if (log2 <= 12) {
        ioas.align("owner", granule);
        assertEquals(granule, ioas.alignment());
      } else {
        refused(Errno.EINVAL, () -> ioas.align("owner", granule));
        refused(Errno.EINVAL, () -> ioas.addTable("owner", range(0, -1), granule));
      }
    }
    for (long granule : new long[] {0, 3, -1, -4096}) {
      refused(Errno.EINVAL, () -> ioas.align("owner", granule));
    }
    assertEquals(4096, ioas.alignment());
  }

  @Test
  void whatIsOneByteLargerThanAHoleGoesBehindIt() throws RegionException {
    ioas.mapFixed(0x3000, 0x1000, 0, BOTH);
    ioas.reserve("owner", 0x6000, 0x1000);
    assertEquals(0x7000, ioas.map(0x2001, 0x7000_1000L, BOTH));
    assertEquals(0x1000, ioas.map(0x2000, 0x7000_1000L, BOTH), "before a mapping");
    assertEquals(0x4000, ioas.map(0x2000, 0x7000_1000L, BOTH), "before a reservation");
  }

  @Test
  void aRequestForAnyPlaceIsCheckedAsOneForAFixedPlace() throws RegionException {
    for (int rights : new int[] {0, 4, -1}) {
      refused(Errno.EINVAL, () -> ioas.map(0x1000, 0, rights));
      refused(Errno.EINVAL, () -> ioas.mapFixed(0x1000, 0x1000, 0, rights));
    }
    refused(Errno.EINVAL, () -> ioas.map(0, 0x1000, BOTH));
    refused(Errno.EINVAL, () -> ioas.mapFixed(0x1000, 0, 0x1000, BOTH));
    refused(Errno.EOVERFLOW, () -> ioas.map(Ioas.LAST, 0, BOTH));
    refused(Errno.EOVERFLOW, () -> ioas.map(0x2000, -0x1000, BOTH));
    refused(Errno.EOVERFLOW, () -> ioas.mapFixed(0x1000, 0x2000, -0x1000, BOTH));
    assertEquals(List.of(), ioas.mapped());
  }

  @Test
  void rangesThatShareOneByteOverlap() throws RegionException {
    ioas.mapFixed(0x2000, 0x1000, 0, BOTH);
    refused(Errno.EEXIST, () -> ioas.mapFixed(0x1000, 0x1001, 0, BOTH));
    refused(Errno.EEXIST, () -> ioas.mapFixed(0x2fff, 0x1000, 0, BOTH));
    ioas.allow(List.of(range(0x8000, 0x8fff)));
    refused(Errno.EADDRINUSE, () -> ioas.reserve("owner", 0x8fff, 1));
    refused(Errno.EADDRINUSE, () -> ioas.reserve("owner", 0x7fff, 2));
    ioas.reserve("owner", 0x9000, 1);
    ioas.reserve("owner", 0x7fff, 1);
    refused(Errno.EINVAL, () -> ioas.mapFixed(0x9000, 0x1000, 0, BOTH));
    refused(Errno.EINVAL, () -> ioas.mapFixed(0x7000, 0x1000, 0, BOTH));
  }

  @Test
  void aCopyIsOfTheMemoryAtItsFirstAddress() throws RegionException {
    Ioas from = new Ioas();
    from.mapFixed(0x1400, 0x2000, 0x7000_0400L, BOTH);
    ioas.copyFixed(from, 0x1800, 0x1000, 0x5000, BOTH);
    ioas.align("by 2048", 2048);
    refused(Errno.EADDRINUSE, () -> ioas.align("by 4096: the memory is at 0x70000800", 4096));
  }

  @Test
  void anUnmapCountsItsBytes() throws RegionException {
    for (boolean all : new boolean[] {false, true}) {
      ioas.mapFixed(0x1000, 0x1000, 0, BOTH);
      ioas.mapFixed(0x4000, 0x800, 0, BOTH);
      assertEquals(0x1800, all ? ioas.unmapVfio(0, 0, true) : ioas.unmapVfio(0x1000, 0x3800, all));
    }
  }

  @Test
  void tooSmallAnArrayIsToldHowManyRangesItHolds() throws RegionException {
    ioas.reserve("owner", 0x1000, 0x1000);
    RegionException e = assertThrows(RegionException.class, () -> ioas.ranges(new long[2]));
    assertEquals("EMSGSIZE: 2 ranges, room for 1", e.getMessage());
  }
}
