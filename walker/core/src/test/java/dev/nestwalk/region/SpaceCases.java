package dev.nestwalk.region;

import static dev.nestwalk.region.World.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

/** Conformance groups R, L and D. */
@SuppressWarnings("UnusedVariable")
final class SpaceCases {

  /** R: reserved set and ranges. */
  static void reserved(Cases cases) {
    cases.add(
        "R01",
        "an empty address space offers every address, in steps of one byte",
        w -> {
          assertEquals("0-max", usable(w.i));
          assertEquals(1, w.i.ranges().alignment());
        });
    cases.add(
        "R02",
        "a reserved range splits what is usable, inclusive of both its ends",
        w -> {
          reserve(w.i, 0x1000, 0x1fff);
          assertEquals("0-fff 2000-max", usable(w.i));
        });
    cases.add(
        "R03",
        "an array without room is refused with EMSGSIZE",
        w -> refused(Errno.EMSGSIZE, () -> w.i.ranges(new long[0])));
    cases.add(
        "R04",
        "an array that is too short gets what fits and EMSGSIZE",
        w -> {
          reserve(w.i, 0x1000, 0x1fff);
          long[] room = new long[2];
          refused(Errno.EMSGSIZE, () -> w.i.ranges(room));
          assertEquals(0xfff, room[1]);
          assertEquals(2, w.i.ranges(new long[4]));
        });
    cases.add(
        "R05",
        "a table's aperture and granule limit the usable range and its alignment",
        w -> {
          w.mock(w.i);
          assertEquals("1000000-7fffffff", usable(w.i));
          assertEquals(2048, w.i.ranges().alignment());
        });
    cases.add(
        "R06",
        "a reservation outside the aperture changes nothing",
        w -> {
          w.mock(w.i);
          reserve(w.i, 0x1000, 0x1fff);
          assertEquals("1000000-7fffffff", usable(w.i));
        });
    cases.add(
        "R07",
        "reservations that touch leave no gap of usable addresses",
        w -> {
          reserve(w.i, 0x1000, 0x1fff);
          reserve(w.i, 0x2000, 0x2fff);
          assertEquals("0-fff 3000-max", usable(w.i));
        });
    cases.add(
        "R08",
        "with everything reserved nothing is usable",
        w -> {
          reserve(w.i, 0, UMAX);
          assertEquals("", usable(w.i));
        });
    cases.add(
        "R09",
        "a reservation may end at the last address there is",
        w -> {
          reserve(w.i, 0xffff_ffff_ffff_f000L, UMAX);
          assertEquals("0-ffffffffffffefff", usable(w.i));
        });
    cases.add(
        "R10",
        "a reservation of odd bytes leaves odd bytes usable",
        w -> {
          reserve(w.i, 6, 0xffff_ffff_ffff_8006L);
          assertEquals("0-5 ffffffffffff8007-max", usable(w.i));
        });
    cases.add(
        "R11",
        "an AMD host's message window and HyperTransport range are excluded together",
        w -> {
          Device d = w.device(AMD);
          w.attach(d, w.paging(d, w.i));
          assertEquals("0-fedfffff fef00000-fcffffffff 10000000000-max", usable(w.i));
        });
    cases.add(
        "R12",
        "a range that two owners reserved stays when one of them goes",
        w -> {
          twoOwners(w.i);
          w.i.removeOwner("d");
          assertEquals("0-fedfffff fef00000-max", usable(w.i));
        });
    cases.add(
        "R13",
        "a range that two owners reserved is usable when both have gone",
        w -> {
          twoOwners(w.i);
          w.i.removeOwner("d");
          w.i.removeOwner("e");
          assertEquals("0-max", usable(w.i));
        });
    cases.add(
        "R14",
        "of overlapping reservations the part of the owner that stays remains",
        w -> {
          w.i.reserve("d", List.of(range(0x1000, 0x3fff)));
          w.i.reserve("e", List.of(range(0x2000, 0x5fff)));
          w.i.removeOwner("d");
          assertEquals("0-1fff 6000-max", usable(w.i));
        });
    cases.add(
        "R15",
        "a reservation that meets the last byte of a mapping is refused",
        w -> {
          fixed(w.i, 0x10000, 0x1000);
          refused(Errno.EADDRINUSE, () -> reserve(w.i, 0x10fff, 0x20000));
          assertEquals("0-max", usable(w.i));
        });
    cases.add(
        "R16",
        "a reservation beginning right behind a mapping is accepted",
        w -> {
          fixed(w.i, 0x10000, 0x1000);
          reserve(w.i, 0x11000, 0x20000);
          assertEquals("0-10fff 20001-max", usable(w.i));
        });
    cases.add(
        "R17",
        "if one range of a list is refused, none of them is reserved",
        w -> {
          fixed(w.i, 0x10000, 0x1000);
          List<AddressSet.Range> list = List.of(range(0x1000, 0x1fff), range(0x10000, 0x10fff));
          refused(Errno.EADDRINUSE, () -> w.i.reserve("d", list));
          assertEquals("0-max", usable(w.i));
        });
    cases.add(
        "R18",
        "empty and wrapping reservations are refused",
        w -> {
          refused(Errno.EINVAL, () -> w.i.reserve("d", 0x1000, 0));
          refused(Errno.EOVERFLOW, () -> w.i.reserve("d", UMAX, 2));
        });
  }

  private static void twoOwners(Ioas ioas) throws RegionException {
    ioas.reserve("d", List.of(range(WINDOW, 0xfeef_ffffL)));
    ioas.reserve("e", List.of(range(WINDOW, 0xfeef_ffffL)));
  }

  /** L: the allow list. */
  static void allowed(Cases cases) {
    cases.add(
        "L01",
        "a range cannot be allowed over a reserved one",
        w -> {
          reserve(w.i, 0x4000, 0x67fff);
          refused(Errno.EADDRINUSE, () -> w.i.allow(List.of(range(0x1000, 0x258000))));
        });
    cases.add(
        "L02",
        "an allowed range cannot be reserved",
        w -> {
          w.i.allow(List.of(range(0x10000, 0x10000 + 600 * PAGE - 1)));
          refused(Errno.EADDRINUSE, () -> reserve(w.i, 0x20000, 0x20fff));
        });
    cases.add(
        "L03",
        "with the allow list emptied the range can be reserved",
        w -> {
          w.i.allow(List.of(range(0x10000, 0x10000 + 600 * PAGE - 1)));
          w.i.allow(List.of());
          reserve(w.i, 0x20000, 0x20fff);
          assertTrue(held(w.i, 0x20000));
        });
    cases.add(
        "L04",
        "addresses are chosen within the allowed range",
        w -> {
          w.i.allow(List.of(range(0xc8000, 0x257fff)));
          for (int pages = 1; pages <= 10; pages++) {
            long at = map(w.i, pages * PAGE);
            assertTrue(at >= 0xc8000 && at + pages * PAGE - 1 <= 0x257fff, Long.toHexString(at));
          }
        });
    cases.add(
        "L05",
        "with no room left in the allowed range there is ENOSPC",
        w -> {
          w.i.allow(List.of(range(0x200000, 0x3fffff)));
          assertEquals(0x200000, map(w.i, 0x1000));
          refused(Errno.ENOSPC, () -> map(w.i, 0x200000));
        });
    cases.add(
        "L06",
        "a fixed address may lie outside the allowed ranges",
        w -> {
          w.i.allow(List.of(range(0x200000, 0x3fffff)));
          fixed(w.i, 0x1000, 0x1000);
          assertEquals("1000-1fff", text(w.i.mapped()));
        });
    cases.add(
        "L07",
        "an allowed range of one byte is refused",
        w -> refused(Errno.EINVAL, () -> w.i.allow(List.of(range(0x1000, 0x1000)))));
    cases.add(
        "L08",
        "allowed ranges may touch but not overlap",
        w -> {
          refused(
              Errno.EINVAL, () -> w.i.allow(List.of(range(0x1000, 0x1fff), range(0x1fff, 0x2fff))));
          w.i.allow(List.of(range(0x1000, 0x1fff), range(0x2000, 0x2fff)));
          refused(Errno.EADDRINUSE, () -> reserve(w.i, 0x2000, 0x2000));
        });
    cases.add(
        "L09",
        "a refused list leaves the former one in force",
        w -> {
          w.i.allow(List.of(range(0x10000, 0x1ffff)));
          reserve(w.i, 0x40000, 0x4ffff);
          refused(Errno.EADDRINUSE, () -> w.i.allow(List.of(range(0x30000, 0x40000))));
          assertEquals(0x10000, map(w.i, 0x1000));
          reserve(w.i, 0x30000, 0x30fff);
        });
    cases.add(
        "L10",
        "a device whose window lies in an allowed range cannot be attached",
        w -> {
          w.i.allow(List.of(range(0xfe00_0000L, 0xffff_ffffL)));
          Device d = w.device(X86);
          Hwpt table = w.paging(d, w.i);
          refused(Errno.EADDRINUSE, () -> w.attach(d, table));
          assertEquals("0-max", usable(w.i));
          assertEquals(List.of(), w.tracker.pasidsOf(d));
        });
    cases.add(
        "L11",
        "allowing changes nothing about what is usable",
        w -> {
          w.i.allow(List.of(range(0x200000, 0x3fffff)));
          assertEquals("0-max", usable(w.i));
        });
    cases.add(
        "L12",
        "a table whose aperture excludes an allowed range is refused without trace",
        w -> {
          w.i.allow(List.of(range(0, 0xffff)));
          refused(Errno.EADDRINUSE, () -> w.mock(w.i));
          assertEquals(1, w.i.alignment());
        });
  }

  /** D: apertures and alignment. */
  static void apertures(Cases cases) {
    cases.add(
        "D01",
        "a table whose aperture excludes a mapping is refused without trace",
        w -> {
          fixed(w.i, 0x1000, 0x1000);
          refused(Errno.EADDRINUSE, () -> w.mock(w.i));
          assertEquals("0-max", usable(w.i));
          assertEquals(1, w.i.alignment());
        });
    cases.add(
        "D02",
        "a table whose granule a mapping does not have is refused",
        w -> {
          fixed(w.i, 0x100_0000, 0x400);
          refused(Errno.EADDRINUSE, () -> w.mock(w.i));
        });
    cases.add(
        "D03",
        "with its table the aperture and alignment go",
        w -> {
          w.tracker.destroy(w.mock(w.i));
          assertEquals("0-max", usable(w.i));
          assertEquals(1, w.i.alignment());
        });
    cases.add(
        "D04",
        "of two apertures the narrower one counts, until it goes",
        w -> {
          Device d = w.device(List.of());
          Hwpt narrow = w.table(d, w.i, Hwpt.Kind.PAGING, range(0, (1L << 39) - 1));
          w.table(d, w.i, Hwpt.Kind.PAGING, range(0, (1L << 48) - 1));
          assertEquals("0-7fffffffff", usable(w.i));
          w.tracker.destroy(narrow);
          assertEquals("0-ffffffffffff", usable(w.i));
        });
    cases.add(
        "D05",
        "a granule larger than a page is refused",
        w -> {
          Device d = w.device(List.of());
          Hwpt.Options options = Hwpt.Options.DEFAULT;
          refused(
              Errno.EINVAL,
              () -> w.tracker.allocate(d, w.i, Hwpt.Kind.PAGING, FULL, 16384, options));
        });
    cases.add(
        "D06",
        "a table for all addresses reserves nothing",
        w -> {
          w.paging(w.device(List.of()), w.i);
          assertEquals("0-max", usable(w.i));
        });
    cases.add(
        "D07",
        "aperture and message window are excluded together",
        w -> {
          Device d = w.device(X86);
          w.attach(d, w.table(d, w.i, Hwpt.Kind.PAGING, range(0, (1L << 39) - 1)));
          assertEquals("0-fedfffff fef00000-7fffffffff", usable(w.i));
        });
    cases.add(
        "D08",
        "an alignment binds memory as well as addresses",
        w -> {
          fixed(w.i, 0x10000, 0x1000);
          w.i.align("option", 4096);
          refused(Errno.EINVAL, () -> w.i.mapFixed(0x20000, 0x1000, MEMORY + 2048, RW));
        });
    cases.add(
        "D09",
        "an alignment that a mapping's memory does not have is refused",
        w -> {
          w.i.mapFixed(0x10000, 0x1000, MEMORY + 2048, RW);
          refused(Errno.EADDRINUSE, () -> w.i.align("option", 4096));
        });
    cases.add(
        "D10",
        "a nested table adds nothing to its parent's aperture",
        w -> {
          Device d = w.device(X86);
          Hwpt s = w.table(d, w.i, Hwpt.Kind.PARENT, range(0, (1L << 48) - 1));
          w.nested(d, s);
          assertEquals("0-ffffffffffff", usable(w.i));
        });
  }

  private SpaceCases() {}
}
