package dev.nestwalk.region;

import static dev.nestwalk.region.World.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

/** Conformance group N. */
final class NestingCases {

  private static final long DOORBELLS = 0x800_0000L;

  /** N: nesting and policies; S is a parent on I, N nested on S. */
  static void nesting(Cases cases) {
    cases.addForAll(
        "N01",
        "making a nested table reserves nothing",
        w -> {
          Device d = w.device(X86);
          w.nested(d, w.parent(d, w.i));
          assertFalse(held(w.i, WINDOW));
        });
    cases.addForAll(
        "N02",
        "a parent that is attached itself reserves",
        w -> {
          Device d = w.device(X86);
          w.attach(d, w.parent(d, w.i));
          assertTrue(held(w.i, WINDOW));
        });
    cases.add(
        "N03",
        "a nested attachment reserves nothing where only plain tables count",
        Policy.DIRECT_RID_ONLY,
        w -> assertFalse(held(onNested(w, X86).i, WINDOW)));
    cases.add(
        "N04",
        "a nested attachment reserves nothing unless it opted in",
        Policy.PARENT_OPT_IN,
        w -> assertFalse(held(onNested(w, X86).i, WINDOW)));
    cases.add(
        "N05",
        "opting in reserves when the table is made",
        Policy.PARENT_OPT_IN,
        w -> {
          optedIn(w, w.device(X86));
          assertTrue(held(w.i, WINDOW));
        });
    cases.add(
        "N06",
        "what was opted in stays until the table goes",
        Policy.PARENT_OPT_IN,
        w -> {
          Device d = w.device(X86);
          Hwpt n = optedIn(w, d);
          w.attach(d, n);
          w.detach(d);
          assertTrue(held(w.i, WINDOW));
          w.tracker.destroy(n);
          assertFalse(held(w.i, WINDOW));
        });
    for (Policy policy : List.of(Policy.LINUX_7_2, Policy.POSTED_V2)) {
      cases.add(
          "N07",
          "a nested attachment reserves and gives back where all regions count",
          policy,
          w -> {
            Device d = w.device(X86);
            w.attach(d, w.nested(d, w.parent(d, w.i)));
            assertTrue(held(w.i, WINDOW));
            w.detach(d);
            assertFalse(held(w.i, WINDOW));
          });
    }
    cases.add(
        "N08",
        "only the software window is reserved where it alone counts",
        Policy.POSTED_V3,
        w -> {
          assertFalse(held(onNested(w, X86).i, WINDOW));
          Device d = w.device(ARM);
          w.attach(d, w.nested(d, w.parent(d, w.j)));
          assertEquals("0-7ffffff 8100000-max", usable(w.j));
        });
    cases.add(
        "N09",
        "the window stays reserved through replacements on one parent",
        Policy.LINUX_7_2,
        w -> {
          Device d = w.device(X86);
          Hwpt s = w.parent(d, w.i);
          w.attach(d, s);
          for (Hwpt next : List.of(w.nested(d, s), w.nested(d, s), s)) {
            w.replace(d, next);
            assertTrue(held(w.i, WINDOW));
          }
        });
    cases.add(
        "N10",
        "replacing a parent by a nested table gives the window back",
        Policy.DIRECT_RID_ONLY,
        w -> {
          Device d = w.device(X86);
          Hwpt s = w.parent(d, w.i);
          w.attach(d, s);
          assertTrue(held(w.i, WINDOW));
          w.replace(d, w.nested(d, s));
          assertFalse(held(w.i, WINDOW));
        });
    cases.add(
        "N11",
        "a mapping made meanwhile keeps the parent from coming back",
        Policy.DIRECT_RID_ONLY,
        w -> {
          Device d = w.device(X86);
          Hwpt s = w.parent(d, w.i);
          Hwpt n = w.nested(d, s);
          w.attach(d, s);
          w.replace(d, n);
          fixed(w.i, WINDOW, PAGE);
          refused(Errno.EADDRINUSE, () -> w.replace(d, s));
          assertEquals(n, w.tracker.attached(d, Tracker.RID));
          assertEquals("fee00000-fee00fff", text(w.i.mapped()));
          Effects effects = new Effects(w.tracker);
          Conflict conflict = effects.conflicts(d, s).get(0);
          assertEquals(Policy.all(), conflict.enforcedUnder());
          assertEquals(
              List.of(Policy.POSTED_V2, Policy.LINUX_7_2),
              effects.conflicts(d, n).get(0).enforcedUnder());
        });
    cases.add(
        "N12",
        "a mapped window keeps a nested table from being attached where regions count",
        Policy.LINUX_7_2,
        w -> {
          fixed(w.i, WINDOW, PAGE);
          refused(Errno.EADDRINUSE, () -> onNested(w, X86));
        });
    cases.add(
        "N13",
        "a mapped window does not matter where only plain tables count",
        Policy.DIRECT_RID_ONLY,
        w -> {
          fixed(w.i, WINDOW, PAGE);
          assertFalse(held(onNested(w, X86).i, WINDOW));
        });
    cases.add(
        "N14",
        "opting in over a mapping is refused without trace",
        Policy.PARENT_OPT_IN,
        w -> {
          fixed(w.i, WINDOW, PAGE);
          Device d = w.device(X86);
          Hwpt s = w.parent(d, w.i);
          refused(
              Errno.EADDRINUSE, () -> w.tracker.nest(d, s, Hwpt.Options.DEFAULT.loadingRegions()));
          w.tracker.destroy(s);
        });
    cases.add(
        "N15",
        "another device's detaching does not take the window away",
        Policy.LINUX_7_2,
        w -> {
          Device d = w.device(X86);
          Device e = w.device(X86);
          Hwpt s = w.parent(d, w.i);
          w.attach(d, w.nested(d, s));
          w.attach(e, s);
          w.detach(e);
          assertTrue(held(w.i, WINDOW));
        });
    cases.add(
        "N16",
        "another device on the parent cannot map over the window",
        Policy.LINUX_7_2,
        w -> {
          Device d = w.device(X86);
          Device e = w.device(List.of());
          Hwpt s = w.parent(d, w.i);
          w.attach(d, w.nested(d, s));
          w.attach(e, s);
          refused(Errno.EINVAL, () -> fixed(w.i, WINDOW, PAGE));
        });
    cases.addForAll(
        "N17",
        "where the hardware refuses, all stays as it was",
        w -> {
          Device d = w.device(X86);
          Hwpt s = w.parent(d, w.i);
          Hwpt n = w.nested(d, s);
          w.attach(d, s);
          w.failing = true;
          refused(Errno.ENOENT, () -> w.replace(d, n));
          assertTrue(held(w.i, WINDOW));
          assertEquals(s, w.tracker.attached(d, Tracker.RID));
        });
    cases.addForAll(
        "N18",
        "only parents can be nested on",
        w -> {
          Device d = w.device(X86);
          Hwpt auto = w.auto(d, w.i);
          Hwpt paging = w.paging(d, w.j);
          Hwpt nested = w.nested(d, w.parent(d, w.j));
          for (Hwpt other : List.of(auto, paging, nested)) {
            refused(Errno.EINVAL, () -> w.nested(d, other));
          }
        });
    cases.addForAll(
        "N19",
        "a parent goes after its children",
        w -> {
          Device d = w.device(X86);
          Hwpt s = w.parent(d, w.i);
          Hwpt n = w.nested(d, s);
          refused(Errno.EBUSY, () -> w.tracker.destroy(s));
          w.tracker.destroy(n);
          w.tracker.destroy(s);
          w.tracker.destroy(w.i);
        });
    cases.add(
        "N20",
        "an SMMUv3 wants a StreamID in the guest before it nests",
        Policy.LINUX_7_2,
        w -> {
          Device d = w.device(ARM);
          Hwpt s = w.parent(d, w.i);
          Hwpt n = w.tracker.nest(d, s, Hwpt.Options.DEFAULT.withoutVirtualDevice());
          refused(Errno.ENOENT, () -> w.attach(d, n));
          assertEquals("0-max", usable(w.i));
        });
    cases.add(
        "N21",
        "a guest's bypass reserves the software window below",
        Policy.LINUX_7_2,
        w -> {
          onBypass(w);
          assertTrue(held(w.i, DOORBELLS));
        });
    cases.add(
        "N22",
        "where nothing is reserved for bypass, the conflict is told and binds",
        Policy.DIRECT_RID_ONLY,
        w -> {
          Device d = onBypass(w);
          assertFalse(held(w.i, DOORBELLS));
          fixed(w.i, DOORBELLS, PAGE);
          Hwpt n = attachedTable(w, d);
          List<Conflict> conflicts = new Effects(w.tracker).conflicts(d, n);
          assertEquals(1, conflicts.size());
          assertEquals(RegionKind.SW_MSI, conflicts.get(0).region().kind());
          assertTrue(conflicts.get(0).binds());
        });
    cases.addForAll(
        "N23",
        "holes are reported to the owner of the first stage",
        w -> {
          Device d = w.device(AMD);
          w.attach(d, w.nested(d, w.parent(d, w.i)));
          assertEquals(
              "HOLE fee00000, HOLE fd00000000", bounds(new Effects(w.tracker).reported(d)));
        });
    cases.addForAll(
        "N24",
        "the software window is reported as identity to the owner of stage 1",
        w -> {
          Device d = w.device(ARM);
          w.attach(d, w.nested(d, w.parent(d, w.i)));
          assertEquals("IDENTITY 8000000", bounds(new Effects(w.tracker).reported(d)));
        });
    cases.addForAll(
        "N25",
        "addresses beyond the parent's aperture are bound too",
        w -> {
          Device d = w.device(X86);
          Hwpt s = w.table(d, w.i, Hwpt.Kind.PARENT, range(0, (1L << 48) - 1));
          w.attach(d, w.nested(d, s));
          RegionSet set = new Effects(w.tracker).intermediateSet(s);
          assertEquals(1L << 48, set.firstReserved(0, UMAX));
          assertTrue(set.isReserved(UMAX));
          assertTrue(held(w.i, 1L << 48));
        });
    cases.addForAll(
        "N26",
        "loaded regions stay reserved when the device is detached",
        w -> {
          Device d = w.device(X86);
          w.attach(d, w.nested(d, w.parent(d, w.i)));
          w.tracker.load(w.i, d);
          w.detach(d);
          assertTrue(held(w.i, WINDOW));
          w.tracker.unload(w.i, d);
          assertFalse(held(w.i, WINDOW));
        });
    cases.add(
        "N27",
        "moving a device to another parent moves the reservation",
        Policy.LINUX_7_2,
        w -> {
          Device d = w.device(X86);
          w.attach(d, w.nested(d, w.parent(d, w.i)));
          w.replace(d, w.parent(d, w.j));
          assertTrue(held(w.j, WINDOW));
          assertFalse(held(w.i, WINDOW));
        });
    cases.add(
        "N28",
        "the hardware window counts where all regions count, not where the software window alone"
            + " does",
        Policy.POSTED_V3,
        w -> assertFalse(held(onNested(w, X86).i, WINDOW)));
    cases.add(
        "N28",
        "the hardware window counts where all regions count, not where the software window alone"
            + " does",
        Policy.LINUX_7_2,
        w -> assertTrue(held(onNested(w, X86).i, WINDOW)));
    cases.addForAll(
        "N29",
        "a stream that aborts binds nothing on the bus",
        w -> {
          Device d = w.device(ARM);
          Hwpt s = w.parent(d, w.i);
          w.attach(d, w.tracker.nest(d, s, w.options(d).with(FirstStage.ABORT)));
          boolean enters = w.tracker.policy().entersWithNestedAttach(Region.ARM_SW_MSI);
          assertEquals(enters, held(w.i, DOORBELLS));
          assertEquals("", bounds(new Effects(w.tracker).bus(d, Tracker.RID)));
          assertTrue(Translated.abortingStream().startsWith("fault"));
        });
    cases.addForAll(
        "N30",
        "memory above the software window stays mapped through nesting and back",
        w -> {
          Device d = w.device(ARM);
          AddressSet.Range wide = range(0, (1L << 48) - 1);
          Hwpt s = w.table(d, w.i, Hwpt.Kind.PARENT, wide);
          AddressSet.Range high =
              AddressSet.allowedIdentity(d.regions(), wide, 1L << 30, false).get(0);
          fixed(w.i, high.first(), 1L << 30);
          w.attach(d, s);
          Hwpt n = w.nested(d, s);
          w.replace(d, n);
          fixed(w.i, high.first() + (1L << 30), 1L << 30);
          w.replace(d, s);
          assertTrue(held(w.i, DOORBELLS));
        });
  }

  private static World onNested(World w, List<Region> regions) throws RegionException {
    Device d = w.device(regions);
    w.attach(d, w.nested(d, w.parent(d, w.i)));
    return w;
  }

  private static Hwpt optedIn(World w, Device d) throws RegionException {
    return w.tracker.nest(d, w.parent(d, w.i), Hwpt.Options.DEFAULT.loadingRegions());
  }

  private static Device onBypass(World w) throws RegionException {
    Device d = w.device(ARM);
    w.attach(d, w.tracker.nest(d, w.parent(d, w.i), Hwpt.Options.DEFAULT.with(FirstStage.BYPASS)));
    return d;
  }

  private static Hwpt attachedTable(World w, Device d) {
    return java.util.Objects.requireNonNull(w.tracker.attached(d, Tracker.RID));
  }

  private static String bounds(List<Bound> bounds) {
    List<String> words = new java.util.ArrayList<>();
    for (Bound bound : bounds) {
      words.add(bound.demand() + " " + Long.toHexString(bound.region().first()));
    }
    return String.join(", ", words);
  }

  private NestingCases() {}
}
