package dev.nestwalk.region;

import static dev.nestwalk.region.World.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

/** Conformance groups A and P. */
final class AttachCases {

  private static final Region FIRMWARE = region(0xbdf6_e000L, 0xbdf8_4fffL, RegionKind.DIRECT);
  private static final String WITHOUT_WINDOW = "0-fedfffff fef00000-max";

  /** A: attach, replace, detach, one stage; under every policy. */
  static void attaching(Cases cases) {
    cases.addForAll(
        "A01",
        "attaching reserves the device's message window",
        w -> {
          attached(w);
          assertEquals(WITHOUT_WINDOW, usable(w.i));
        });
    cases.addForAll(
        "A02",
        "detaching gives the window back",
        w -> {
          w.detach(attached(w));
          assertEquals("0-max", usable(w.i));
        });
    cases.addForAll(
        "A03",
        "a device is attached once",
        w -> {
          Device d = attached(w);
          refused(Errno.EBUSY, () -> w.attach(d, w.paging(d, w.i)));
        });
    cases.addForAll(
        "A04",
        "a device whose window is mapped cannot be attached",
        w -> {
          fixed(w.i, WINDOW, PAGE);
          Device d = w.device(X86);
          Hwpt table = w.paging(d, w.i);
          refused(Errno.EADDRINUSE, () -> w.attach(d, table));
          assertEquals(List.of(), w.tracker.pasidsOf(d));
          assertEquals("fee00000-fee00fff", text(w.i.mapped()));
        });
    cases.addForAll(
        "A05",
        "a window is reserved as long as one device of the group is attached",
        w -> {
          Device d = w.device(X86, "g");
          Device e = w.device(X86, "g");
          Hwpt table = w.paging(d, w.i);
          w.attach(d, table);
          w.attach(e, table);
          w.detach(d);
          assertTrue(held(w.i, WINDOW));
          w.detach(e);
          assertFalse(held(w.i, WINDOW));
        });
    cases.addForAll(
        "A06",
        "devices of one group have one table",
        w -> {
          Device d = w.device(X86, "g");
          Device e = w.device(List.of(region(0x1000, 0x1fff, RegionKind.RESERVED)), "g");
          w.attach(d, w.paging(d, w.i));
          refused(Errno.EINVAL, () -> w.attach(e, w.paging(e, w.j)));
          assertEquals(WITHOUT_WINDOW, usable(w.i));
          assertEquals("0-max", usable(w.j));
        });
    cases.addForAll(
        "A07",
        "a device with a direct region cannot be bound where that is refused",
        w -> {
          refused(
              Errno.EINVAL,
              () -> w.tracker.bind("bmc", "g", Unit.VTD, List.of(FIRMWARE), false, true));
          assertEquals(List.of(), w.tracker.devices());
        });
    cases.addForAll(
        "A08",
        "a direct region is reserved where the device is bound all the same",
        w -> {
          Device d = w.device(List.of(FIRMWARE));
          w.attach(d, w.paging(d, w.i));
          assertEquals("0-bdf6dfff bdf85000-max", usable(w.i));
        });
    cases.addForAll(
        "A09",
        "a relaxable region may be mapped over",
        w -> {
          Device d = w.device(List.of(region(0, 0xffffff, RegionKind.DIRECT_RELAXABLE)));
          w.attach(d, w.paging(d, w.i));
          fixed(w.i, 0xc0000, PAGE);
          assertEquals("c0000-c0fff", text(w.i.mapped()));
        });
    cases.addForAll(
        "A10",
        "a software window beside a hardware one contradicts it",
        w -> {
          Device d =
              w.device(List.of(Region.ARM_SW_MSI, region(0x1_0000, 0x1_ffff, RegionKind.MSI)));
          refused(Errno.EINVAL, () -> w.attach(d, w.paging(d, w.i)));
          assertEquals("0-max", usable(w.i));
        });
    cases.addForAll(
        "A11",
        "two software windows contradict each other",
        w -> {
          Device d =
              w.device(List.of(Region.ARM_SW_MSI, region(0x1000, 0x1fff, RegionKind.SW_MSI)));
          refused(Errno.EINVAL, () -> w.attach(d, w.paging(d, w.i)));
        });
    cases.addForAll(
        "A12",
        "replacing moves the reservations to the other space",
        w -> {
          Device d = attached(w);
          w.replace(d, w.paging(d, w.j));
          assertEquals("0-max", usable(w.i));
          assertEquals(WITHOUT_WINDOW, usable(w.j));
        });
    cases.addForAll(
        "A13",
        "a replacement that meets a mapping leaves all as it was",
        w -> {
          Device d = attached(w);
          fixed(w.j, WINDOW, PAGE);
          Hwpt other = w.paging(d, w.j);
          refused(Errno.EADDRINUSE, () -> w.replace(d, other));
          assertEquals(WITHOUT_WINDOW, usable(w.i));
          assertEquals("0-max", usable(w.j));
        });
    cases.addForAll(
        "A14",
        "replacing within one space keeps the reservation",
        w -> {
          Device d = attached(w);
          w.replace(d, w.paging(d, w.i));
          assertEquals(WITHOUT_WINDOW, usable(w.i));
        });
    cases.addForAll(
        "A15",
        "replacing a table by itself changes nothing",
        w -> {
          Device d = w.device(X86);
          Hwpt table = w.paging(d, w.i);
          w.attach(d, table);
          w.replace(d, table);
          assertEquals(WITHOUT_WINDOW, usable(w.i));
          assertEquals(table, w.tracker.attached(d, Tracker.RID));
        });
    cases.addForAll(
        "A16",
        "without an attachment there is nothing to replace",
        w -> {
          Device d = w.device(X86);
          refused(Errno.EINVAL, () -> w.replace(d, w.paging(d, w.i)));
        });
    cases.addForAll(
        "A17",
        "detaching what is not attached changes nothing",
        w -> {
          w.detach(w.device(X86));
          assertEquals("0-max", usable(w.i));
        });
    cases.addForAll(
        "A18",
        "an address space in use cannot be destroyed",
        w -> {
          attached(w);
          refused(Errno.EBUSY, () -> w.tracker.destroy(w.i));
        });
    cases.addForAll(
        "A19",
        "a replacement moves the regions of every device of the group",
        w -> {
          Device d = w.device(X86, "g");
          Device e = w.device(ARM, "g", Unit.VTD);
          Hwpt table = w.paging(d, w.i);
          w.attach(d, table);
          w.attach(e, table);
          w.replace(d, w.paging(d, w.j));
          assertEquals("0-max", usable(w.i));
          assertEquals("0-7ffffff 8100000-fedfffff fef00000-max", usable(w.j));
        });
    cases.addForAll(
        "A20",
        "a table made for a space is refused to a device whose window is mapped there",
        w -> {
          Device d = w.device(List.of());
          Hwpt table = w.auto(d, w.i);
          fixed(w.i, WINDOW, PAGE);
          Device e = w.device(X86);
          refused(Errno.EADDRINUSE, () -> w.auto(e, w.i));
          assertEquals(List.of(), w.tracker.pasidsOf(e));
          assertEquals(table, w.tracker.attached(d, Tracker.RID));
        });
    cases.addForAll(
        "A21",
        "a table made for a space goes when its last device is moved",
        w -> {
          Device d = w.device(X86);
          Hwpt old = w.auto(d, w.i);
          w.tracker.replace(d, Tracker.RID, w.j, FULL, 1);
          refused(Errno.ENOENT, () -> w.tracker.destroy(old));
          assertEquals("0-max", usable(w.i));
          assertEquals(WITHOUT_WINDOW, usable(w.j));
        });
  }

  private static Device attached(World w) throws RegionException {
    Device d = w.device(X86);
    w.attach(d, w.paging(d, w.i));
    return d;
  }

  private static final int P = 100;

  /** P: PASIDs. */
  static void pasids(Cases cases) {
    cases.addForAll(
        "P01", "a PASID reserves no window", w -> assertFalse(held(withPasid(w), WINDOW)));
    cases.addForAll(
        "P02",
        "under a PASID the window may be mapped",
        w -> {
          fixed(withPasid(w), WINDOW, PAGE);
          assertEquals("fee00000-fee00fff", text(w.i.mapped()));
        });
    cases.add(
        "P03",
        "a nested table under a PASID reserves nothing below",
        Policy.LINUX_7_2,
        w -> {
          Device d = w.device(X86);
          w.attach(d, w.paging(d, w.j));
          w.tracker.attach(d, P, w.nested(d, w.parent(d, w.i)));
          assertFalse(held(w.i, WINDOW));
        });
    cases.addForAll(
        "P04",
        "a PASID does not go beside a table that takes none",
        w -> {
          Device d = w.device(X86);
          w.attach(d, plain(w, d, w.j));
          refused(Errno.EINVAL, () -> w.tracker.attach(d, P, w.paging(d, w.i)));
        });
    cases.addForAll(
        "P05",
        "a table that takes no PASIDs does not replace one that has them beside",
        w -> {
          Device d = w.device(X86);
          Hwpt rid = w.paging(d, w.j);
          w.attach(d, rid);
          w.tracker.attach(d, P, w.paging(d, w.i));
          refused(Errno.EINVAL, () -> w.replace(d, plain(w, d, w.j)));
          assertEquals(rid, w.tracker.attached(d, Tracker.RID));
          assertTrue(held(w.j, WINDOW));
        });
    cases.addForAll(
        "P06",
        "a PASID is attached once",
        w -> {
          Device d = w.device(X86);
          w.attach(d, w.paging(d, w.j));
          Hwpt table = w.paging(d, w.i);
          w.tracker.attach(d, P, table);
          refused(Errno.EBUSY, () -> w.tracker.attach(d, P, table));
          refused(Errno.EBUSY, () -> w.tracker.attach(d, P, w.paging(d, w.i)));
        });
    cases.addForAll(
        "P07",
        "a PASID without a table cannot be replaced",
        w -> {
          Device d = w.device(X86);
          refused(Errno.EINVAL, () -> w.tracker.replace(d, 200, w.paging(d, w.i)));
        });
    cases.addForAll(
        "P08",
        "a table made for a space does not replace one of a PASID",
        w -> {
          Device d = w.device(X86);
          w.attach(d, w.paging(d, w.j));
          Hwpt table = w.paging(d, w.i);
          w.tracker.attach(d, P, table);
          refused(Errno.EINVAL, () -> w.tracker.replace(d, P, w.j, FULL, 1));
          assertEquals(table, w.tracker.attached(d, P));
        });
    cases.addForAll(
        "P09",
        "detaching the PASID leaves the reservation of plain requests",
        w -> {
          Device d = ridAndPasid(w);
          w.tracker.detach(d, P);
          assertTrue(held(w.i, WINDOW));
        });
    cases.addForAll(
        "P10",
        "detaching plain requests gives the window back and leaves the PASID",
        w -> {
          Device d = ridAndPasid(w);
          w.detach(d);
          assertFalse(held(w.i, WINDOW));
          assertEquals(List.of(P), w.tracker.pasidsOf(d));
        });
    cases.addForAll(
        "P11",
        "a device without PASIDs has none attached",
        w -> {
          Device d = w.tracker.bind("d", "g", Unit.VTD, X86, false, false);
          refused(Errno.EINVAL, () -> w.tracker.attach(d, P, w.paging(d, w.i)));
        });
    cases.addForAll(
        "P12",
        "detaching another PASID changes nothing",
        w -> {
          Device d = ridAndPasid(w);
          w.tracker.detach(d, 200);
          assertEquals(List.of(Tracker.RID, P), w.tracker.pasidsOf(d));
        });
    cases.addForAll(
        "P13",
        "substreams of an SMMUv3 do not come from nested tables",
        w -> {
          Device d = w.device(ARM);
          Hwpt nested = w.nested(d, w.parent(d, w.i));
          refused(Errno.EINVAL, () -> w.tracker.attach(d, P, nested));
          Hwpt parent = w.parent(d, w.j);
          refused(
              Errno.EOPNOTSUPP, () -> w.tracker.nest(d, parent, Hwpt.Options.DEFAULT.forPasids()));
        });
    cases.add(
        "P14",
        "with a PASID the message window is translated",
        w -> {
          assertEquals("ok 0x7000 span=0x1000 rw", Translated.withPasid(WINDOW, 0x7000, WINDOW));
        });
    cases.add(
        "P15",
        "a translation into the message window is a fault",
        w -> {
          assertEquals("fault 0x87 stage 0 level 0", Translated.withPasid(0x1000, WINDOW, 0x1000));
          assertEquals("fault 0xe stage 0 level 0", Translated.legacy(0x1000, WINDOW, 0x1000));
        });
  }

  private static Hwpt plain(World w, Device d, Ioas ioas) throws RegionException {
    return w.tracker.allocate(d, ioas, Hwpt.Kind.PAGING, FULL, 1, Hwpt.Options.DEFAULT);
  }

  private static Ioas withPasid(World w) throws RegionException {
    Device d = w.device(X86);
    w.attach(d, w.paging(d, w.j));
    w.tracker.attach(d, P, w.paging(d, w.i));
    return w.i;
  }

  private static Device ridAndPasid(World w) throws RegionException {
    Device d = w.device(X86);
    w.attach(d, w.paging(d, w.i));
    w.tracker.attach(d, P, w.paging(d, w.i));
    return d;
  }

  private AttachCases() {}
}
