package dev.nestwalk.region;

import static dev.nestwalk.region.World.*;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;

/** Conformance groups M and U. */
@SuppressWarnings("UnusedVariable")
final class MappingCases {

  /** M: map and choose. */
  static void mapping(Cases cases) {
    cases.add(
        "M01",
        "places are chosen from the lowest address on, aligned to the length's power of two",
        w -> {
          assertEquals("1000 2000 4000 3000", chosen(w.i, 0x1000, 0x1000, 0x3000, 0x1000));
        });
    cases.add(
        "M02",
        "chosen places pass over a reserved range",
        w -> {
          reserve(w.i, 0x4000, 0x67fff);
          assertEquals(
              "1000 2000 68000 6c000 70000 78000 80000 88000 90000 a0000",
              chosen(w.i, pages(1, 10)));
        });
    cases.add(
        "M03",
        "a chosen place has the alignment of its length",
        w -> {
          for (long length : pages(1, 10)) {
            assertEquals(0, map(w.i, length) % Long.lowestOneBit(length));
          }
        });
    cases.add(
        "M04",
        "without a hole of the length there is ENOSPC",
        w -> {
          reserve(w.i, 6, 0xffff_ffff_ffff_8006L);
          refused(Errno.ENOSPC, () -> map(w.i, 0x5000));
        });
    cases.add(
        "M05",
        "with everything reserved there is ENOSPC",
        w -> {
          reserve(w.i, 0, UMAX);
          refused(Errno.ENOSPC, () -> map(w.i, 0x1000));
        });
    cases.add("M06", "the first page can be mapped at a fixed address", w -> mapped(w.i, 0, PAGE));
    cases.add(
        "M07",
        "the last page can be mapped at a fixed address",
        w -> mapped(w.i, 0xffff_ffff_ffff_f000L, PAGE));
    cases.add(
        "M08",
        "a mapping that wraps is refused with EOVERFLOW",
        w -> {
          refused(Errno.EOVERFLOW, () -> fixed(w.i, 0xffff_ffff_ffff_f000L, 4097));
        });
    cases.add(
        "M09",
        "the last byte and the greatest length are refused with EOVERFLOW",
        w -> {
          refused(Errno.EOVERFLOW, () -> fixed(w.i, UMAX, PAGE));
          refused(Errno.EOVERFLOW, () -> fixed(w.i, 0, UMAX));
        });
    cases.add(
        "M10",
        "a mapping in the message window is refused",
        w -> refused(Errno.EINVAL, () -> fixed(x86(w), WINDOW, PAGE)));
    cases.add(
        "M11",
        "a mapping that ends in the message window is refused",
        w -> refused(Errno.EINVAL, () -> fixed(x86(w), 0xfedf_f000L, 2 * PAGE)));
    cases.add(
        "M12",
        "mappings that touch the message window on both sides are accepted",
        w -> {
          Ioas ioas = x86(w);
          fixed(ioas, 0xfedf_f000L, PAGE);
          fixed(ioas, 0xfef0_0000L, PAGE);
          assertEquals("fedff000-fedfffff fef00000-fef00fff", text(ioas.mapped()));
        });
    cases.add(
        "M13",
        "each kind of overlap with a mapping is EEXIST",
        w -> {
          long b = 0x10000;
          fixed(w.i, b, 2 * PAGE);
          long[][] tries = {{b, 2}, {b, 1}, {b + PAGE, 1}, {b - PAGE, 2}, {b - PAGE, 3}};
          for (long[] one : tries) {
            refused(Errno.EEXIST, () -> fixed(w.i, one[0], one[1] * PAGE));
          }
        });
    cases.add(
        "M14",
        "where a range is reserved and mapped, the reservation is what is told",
        w -> {
          fixed(w.i, 0x10000, PAGE);
          reserve(w.i, 0x11000, 0x11fff);
          refused(Errno.EINVAL, () -> fixed(w.i, 0x10000, 2 * PAGE));
        });
    cases.add(
        "M15",
        "under a coarse granule places lie in the aperture",
        w -> {
          w.mock(w.i);
          assertEquals("1000000 1001000", chosen(w.i, 0x1000, 0x800));
        });
    cases.add(
        "M16",
        "lengths and addresses are multiples of the granule",
        w -> {
          w.mock(w.i);
          refused(Errno.EINVAL, () -> map(w.i, 0x400));
          refused(Errno.EINVAL, () -> fixed(w.i, 0x180_0400, 0x800));
        });
    cases.add(
        "M17",
        "of all lengths up to two pages the multiples of the granule are accepted",
        w -> {
          w.mock(w.i);
          for (long length = 1; length < 8192; length++) {
            long bytes = length;
            if (length % 2048 == 0) {
              fixed(w.i, 0x200_0000 + length * 0x4000, bytes);
            } else {
              refused(Errno.EINVAL, () -> fixed(w.i, 0x200_0000, bytes));
            }
          }
        });
    cases.add(
        "M18",
        "the aperture's last page is mapped, the one behind it refused",
        w -> {
          w.mock(w.i);
          mapped(w.i, 0x7fff_f000L, PAGE);
          refused(Errno.EINVAL, () -> fixed(w.i, 0x8000_0000L, PAGE));
        });
    cases.add(
        "M19",
        "a chosen place keeps the memory's offset in its page",
        w -> assertEquals(0x1800, w.i.map(0x1000, MEMORY + 0x800, RW)));
    cases.add(
        "M20",
        "one byte that is free can be mapped where it is, but is not chosen",
        w -> {
          reserve(w.i, 0, 0x1fff);
          reserve(w.i, 0x2001, UMAX);
          refused(Errno.ENOSPC, () -> w.i.map(1, 0, RW));
          w.i.mapFixed(0x2000, 1, 0, RW);
          assertEquals("2000-2000", text(w.i.mapped()));
        });
    cases.add(
        "M21",
        "a place is aligned to 2 MiB at most, and no more than its memory",
        w -> {
          reserve(w.i, 0, 0x7fffff);
          assertEquals(0x800000, map(w.i, 0x400000));
          assertEquals(0xc00000, w.i.map(0x200000, 0x7f00_0020_1000L, RW));
        });
    cases.add(
        "M22",
        "half of all addresses is too long to be chosen",
        w -> refused(Errno.EOVERFLOW, () -> map(w.i, -1L >>> 1)));
    cases.add(
        "M23",
        "a mapping without rights is refused",
        w -> {
          refused(Errno.EINVAL, () -> w.i.mapFixed(0x1000, PAGE, MEMORY, 0));
        });
    cases.add(
        "M24",
        "RAM from 0 that reaches the software window is refused on Arm",
        w -> refused(Errno.EINVAL, () -> fixed(arm(w), 0, 0x1000_0000)));
    cases.add(
        "M25",
        "RAM beyond the software window is accepted on Arm",
        w -> mapped(arm(w), 0x4000_0000L, 0x4000_0000L));
    cases.add(
        "M26",
        "a copy maps the same memory, in its own or another space",
        w -> {
          fixed(w.i, 0x10000, PAGE);
          w.i.copyFixed(w.i, 0x10000, PAGE, 0x11000, RW);
          w.j.copyFixed(w.i, 0x10000, PAGE, 0, RW);
          assertEquals("10000-10fff 11000-11fff", text(w.i.mapped()));
          assertEquals("0-fff", text(w.j.mapped()));
        });
    cases.add(
        "M27",
        "a copy over a hole is refused, and nothing is mapped",
        w -> {
          fixed(w.i, 0x10000, PAGE);
          fixed(w.i, 0x12000, PAGE);
          refused(Errno.ENOENT, () -> w.j.copyFixed(w.i, 0x10000, 3 * PAGE, 0, RW));
          assertEquals("", text(w.j.mapped()));
        });
  }

  private static Ioas x86(World w) throws RegionException {
    Device d = w.device(X86);
    w.attach(d, w.paging(d, w.i));
    return w.i;
  }

  private static Ioas arm(World w) throws RegionException {
    Device d = w.device(ARM);
    w.attach(d, w.paging(d, w.i));
    return w.i;
  }

  private static void mapped(Ioas ioas, long iova, long length) throws RegionException {
    fixed(ioas, iova, length);
    assertEquals(text(List.of(range(iova, iova + length - 1))), text(ioas.mapped()));
  }

  private static long[] pages(int first, int last) {
    long[] lengths = new long[last - first + 1];
    for (int n = first; n <= last; n++) {
      lengths[n - first] = n * PAGE;
    }
    return lengths;
  }

  private static String chosen(Ioas ioas, long... lengths) throws RegionException {
    StringBuilder all = new StringBuilder();
    for (long length : lengths) {
      all.append(all.isEmpty() ? "" : " ").append(Long.toHexString(map(ioas, length)));
    }
    return all.toString();
  }

  /** U: unmap. */
  static void unmapping(Cases cases) {
    cases.add(
        "U01",
        "unmapping where nothing is mapped is ENOENT",
        w -> {
          for (int n = 0; n < 10; n++) {
            long at = n * PAGE;
            refused(Errno.ENOENT, () -> w.i.unmap(at, PAGE));
          }
        });
    cases.add(
        "U02",
        "part of a mapping cannot be unmapped",
        w -> {
          fixed(w.i, 0x10000, 2 * PAGE);
          refused(Errno.ENOENT, () -> w.i.unmap(0x10000, PAGE));
          refused(Errno.ENOENT, () -> w.i.unmap(0x11000, PAGE));
          assertEquals("10000-11fff", text(w.i.mapped()));
        });
    cases.add(
        "U03",
        "everything can be unmapped, also when nothing is left",
        w -> {
          fixed(w.i, 0x10000, 2 * PAGE);
          assertEquals(2 * PAGE, w.i.unmap(0, UMAX));
          assertEquals(0, w.i.unmap(0, UMAX));
        });
    cases.add(
        "U04",
        "a range that cuts a mapping at either end is refused",
        w -> {
          long b = four(w.i);
          refused(Errno.ENOENT, () -> w.i.unmap(b - 4 * PAGE, 8 * PAGE));
          refused(Errno.ENOENT, () -> w.i.unmap(b + 52 * PAGE, 8 * PAGE));
          assertEquals(4, w.i.mapped().size());
        });
    cases.add(
        "U05",
        "a range around several mappings unmaps them all",
        w -> {
          long b = four(w.i);
          assertEquals(32 * PAGE, w.i.unmap(b - 4 * PAGE, 60 * PAGE));
        });
    cases.add(
        "U06",
        "what lies whole in the range goes before the mapping that sticks out is met",
        w -> {
          fixed(w.i, 0x10000, 0x1000);
          fixed(w.i, 0x11000, 0x2000);
          refused(Errno.ENOENT, () -> w.i.unmap(0x10000, 0x2000));
          assertEquals("11000-12fff", text(w.i.mapped()));
        });
    cases.add(
        "U07",
        "empty and wrapping ranges are refused",
        w -> {
          refused(Errno.EINVAL, () -> w.i.unmap(0x1000, 0));
          refused(Errno.EOVERFLOW, () -> w.i.unmap(0xffff_ffff_ffff_f000L, 0x2000));
          refused(Errno.EOVERFLOW, () -> w.i.unmap(UMAX, PAGE));
        });
    cases.add(
        "U08",
        "a locked mapping stays until it is unlocked",
        w -> {
          fixed(w.i, 0x10000, PAGE);
          w.i.lock(0x10800);
          refused(Errno.EBUSY, () -> w.i.unmap(0x10000, PAGE));
          refused(Errno.EBUSY, () -> w.i.unmap(0, UMAX));
          w.i.unlock(0x10000);
          assertEquals(PAGE, w.i.unmap(0x10000, PAGE));
        });
    cases.add(
        "U09",
        "reserved addresses are not mapped, so they cannot be unmapped",
        w -> refused(Errno.ENOENT, () -> x86(w).unmap(WINDOW, PAGE)));
    cases.add(
        "U10",
        "by VFIO's rule unmapping nothing is no error",
        w -> assertEquals(0, w.i.unmapVfio(0x1000, PAGE, false)));
    cases.add(
        "U11",
        "by VFIO's rule unmapping all comes without a range",
        w -> {
          refused(Errno.EINVAL, () -> w.i.unmapVfio(0x1000, 0, true));
          refused(Errno.EINVAL, () -> w.i.unmapVfio(0, PAGE, true));
          assertEquals(0, w.i.unmapVfio(0, 0, true));
        });
  }

  private static long four(Ioas ioas) throws RegionException {
    long b = 0x100000;
    for (int n = 0; n < 4; n++) {
      fixed(ioas, b + 16L * n * PAGE, 8 * PAGE);
    }
    return b;
  }

  private MappingCases() {}
}
