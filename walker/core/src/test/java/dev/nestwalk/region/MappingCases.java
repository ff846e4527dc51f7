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
        w -> {
          assertEquals("1000 2000 4000 3000", chosen(w.i, 0x1000, 0x1000, 0x3000, 0x1000));
        });
    cases.add(
        "M02",
        w -> {
          reserve(w.i, 0x4000, 0x67fff);
          assertEquals(
              "1000 2000 68000 6c000 70000 78000 80000 88000 90000 a0000",
              chosen(w.i, pages(1, 10)));
        });
    cases.add(
        "M03",
        w -> {
          for (long length : pages(1, 10)) {
            assertEquals(0, map(w.i, length) % Long.lowestOneBit(length));
          }
        });
    cases.add(
        "M04",
        w -> {
          reserve(w.i, 6, 0xffff_ffff_ffff_8006L);
          refused(Errno.ENOSPC, () -> map(w.i, 0x5000));
        });
    cases.add(
        "M05",
        w -> {
          reserve(w.i, 0, UMAX);
          refused(Errno.ENOSPC, () -> map(w.i, 0x1000));
        });
    cases.add("M06", w -> mapped(w.i, 0, PAGE));
    cases.add("M07", w -> mapped(w.i, 0xffff_ffff_ffff_f000L, PAGE));
    cases.add(
        "M08",
        w -> {
          refused(Errno.EOVERFLOW, () -> fixed(w.i, 0xffff_ffff_ffff_f000L, 4097));
        });
    cases.add(
        "M09",
        w -> {
          refused(Errno.EOVERFLOW, () -> fixed(w.i, UMAX, PAGE));
          refused(Errno.EOVERFLOW, () -> fixed(w.i, 0, UMAX));
        });
    cases.add("M10", w -> refused(Errno.EINVAL, () -> fixed(x86(w), WINDOW, PAGE)));
    cases.add("M11", w -> refused(Errno.EINVAL, () -> fixed(x86(w), 0xfedf_f000L, 2 * PAGE)));
    cases.add(
        "M12",
        w -> {
          Ioas ioas = x86(w);
          fixed(ioas, 0xfedf_f000L, PAGE);
          fixed(ioas, 0xfef0_0000L, PAGE);
          assertEquals("fedff000-fedfffff fef00000-fef00fff", text(ioas.mapped()));
        });
    cases.add(
        "M13",
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
        w -> {
          fixed(w.i, 0x10000, PAGE);
          reserve(w.i, 0x11000, 0x11fff);
          refused(Errno.EINVAL, () -> fixed(w.i, 0x10000, 2 * PAGE));
        });
    cases.add(
        "M15",
        w -> {
          w.mock(w.i);
          assertEquals("1000000 1001000", chosen(w.i, 0x1000, 0x800));
        });
    cases.add(
        "M16",
        w -> {
          w.mock(w.i);
          refused(Errno.EINVAL, () -> map(w.i, 0x400));
          refused(Errno.EINVAL, () -> fixed(w.i, 0x180_0400, 0x800));
        });
    cases.add(
        "M17",
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
        w -> {
          w.mock(w.i);
          mapped(w.i, 0x7fff_f000L, PAGE);
          refused(Errno.EINVAL, () -> fixed(w.i, 0x8000_0000L, PAGE));
        });
    cases.add("M19", w -> assertEquals(0x1800, w.i.map(0x1000, MEMORY + 0x800, RW)));
    cases.add(
        "M20",
        w -> {
          reserve(w.i, 0, 0x1fff);
          reserve(w.i, 0x2001, UMAX);
          refused(Errno.ENOSPC, () -> w.i.map(1, 0, RW));
          w.i.mapFixed(0x2000, 1, 0, RW);
          assertEquals("2000-2000", text(w.i.mapped()));
        });
    cases.add(
        "M21",
        w -> {
          reserve(w.i, 0, 0x7fffff);
          assertEquals(0x800000, map(w.i, 0x400000));
          assertEquals(0xc00000, w.i.map(0x200000, 0x7f00_0020_1000L, RW));
        });
    cases.add("M22", w -> refused(Errno.EOVERFLOW, () -> map(w.i, -1L >>> 1)));
    cases.add(
        "M23",
        w -> {
          refused(Errno.EINVAL, () -> w.i.mapFixed(0x1000, PAGE, MEMORY, 0));
        });
    cases.add("M24", w -> refused(Errno.EINVAL, () -> fixed(arm(w), 0, 0x1000_0000)));
    cases.add("M25", w -> mapped(arm(w), 0x4000_0000L, 0x4000_0000L));
    cases.add(
        "M26",
        w -> {
          fixed(w.i, 0x10000, PAGE);
          w.i.copyFixed(w.i, 0x10000, PAGE, 0x11000, RW);
          w.j.copyFixed(w.i, 0x10000, PAGE, 0, RW);
          assertEquals("10000-10fff 11000-11fff", text(w.i.mapped()));
          assertEquals("0-fff", text(w.j.mapped()));
        });
    cases.add(
        "M27",
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
        w -> {
          for (int n = 0; n < 10; n++) {
            long at = n * PAGE;
            refused(Errno.ENOENT, () -> w.i.unmap(at, PAGE));
          }
        });
    cases.add(
        "U02",
        w -> {
          fixed(w.i, 0x10000, 2 * PAGE);
          refused(Errno.ENOENT, () -> w.i.unmap(0x10000, PAGE));
          refused(Errno.ENOENT, () -> w.i.unmap(0x11000, PAGE));
          assertEquals("10000-11fff", text(w.i.mapped()));
        });
    cases.add(
        "U03",
        w -> {
          fixed(w.i, 0x10000, 2 * PAGE);
          assertEquals(2 * PAGE, w.i.unmap(0, UMAX));
          assertEquals(0, w.i.unmap(0, UMAX));
        });
    cases.add(
        "U04",
        w -> {
          long b = four(w.i);
          refused(Errno.ENOENT, () -> w.i.unmap(b - 4 * PAGE, 8 * PAGE));
          refused(Errno.ENOENT, () -> w.i.unmap(b + 52 * PAGE, 8 * PAGE));
          assertEquals(4, w.i.mapped().size());
        });
    cases.add(
        "U05",
        w -> {
          long b = four(w.i);
          assertEquals(32 * PAGE, w.i.unmap(b - 4 * PAGE, 60 * PAGE));
        });
    cases.add(
        "U06",
        w -> {
          fixed(w.i, 0x10000, 0x1000);
          fixed(w.i, 0x11000, 0x2000);
          refused(Errno.ENOENT, () -> w.i.unmap(0x10000, 0x2000));
          assertEquals("11000-12fff", text(w.i.mapped()));
        });
    cases.add(
        "U07",
        w -> {
          refused(Errno.EINVAL, () -> w.i.unmap(0x1000, 0));
          refused(Errno.EOVERFLOW, () -> w.i.unmap(0xffff_ffff_ffff_f000L, 0x2000));
          refused(Errno.EOVERFLOW, () -> w.i.unmap(UMAX, PAGE));
        });
    cases.add(
        "U08",
        w -> {
          fixed(w.i, 0x10000, PAGE);
          w.i.lock(0x10800);
          refused(Errno.EBUSY, () -> w.i.unmap(0x10000, PAGE));
          refused(Errno.EBUSY, () -> w.i.unmap(0, UMAX));
          w.i.unlock(0x10000);
          assertEquals(PAGE, w.i.unmap(0x10000, PAGE));
        });
    cases.add("U09", w -> refused(Errno.ENOENT, () -> x86(w).unmap(WINDOW, PAGE)));
    cases.add("U10", w -> assertEquals(0, w.i.unmapVfio(0x1000, PAGE, false)));
    cases.add(
        "U11",
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
