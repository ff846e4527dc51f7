package dev.nestwalk.region;

import static dev.nestwalk.region.World.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What the tracker refuses, and that a refusal leaves nothing behind. */
final class TrackerTest {
  private static final AddressSet.Range ALL = new AddressSet.Range(0, Ioas.LAST);
  private static final Region WINDOW = new Region(0x10_0000, 0x1f_ffff, RegionKind.RESERVED);
  private static final Region OTHER = new Region(0x40_0000, 0x4f_ffff, RegionKind.RESERVED);
  private static final Hwpt.Options DEFAULT = Hwpt.Options.DEFAULT;

  private final Tracker tracker = new Tracker(Policy.PARENT_OPT_IN);
  private final Ioas ioas = new Ioas();

  private Device device(String name, String group, Unit unit, Region... regions)
      throws RegionException {
    return tracker.bind(name, group, unit, List.of(regions), true);
  }

  private Hwpt table(Device device, Ioas of, Hwpt.Kind kind) throws RegionException {
    return tracker.allocate(device, of, kind, ALL, 1, DEFAULT.forPasids());
  }

  @Test
  void aDeviceIsBoundOnceAndUnboundWhenNothingUsesIt() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    refused(Errno.EBUSY, () -> device("one", "h", Unit.VTD));
    tracker.load(ioas, one);
    refused(Errno.EBUSY, () -> tracker.unbind(one));
    tracker.unload(ioas, one);
    tracker.attach(one, 5, table(one, ioas, Hwpt.Kind.PAGING));
    refused(Errno.EBUSY, () -> tracker.unbind(one));
    tracker.detach(one, 5);
    tracker.unbind(one);
    assertEquals(List.of(), tracker.devices());
    assertEquals("one", device("one", "h", Unit.VTD).toString());
  }

  @Test
  void regionsAreReservedUntilTheLastLoadIsUndone() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    tracker.load(ioas, one);
    tracker.load(ioas, one);
    tracker.load(ioas, one);
    for (int left = 2; left >= 0; left--) {
      assertTrue(ioas.reserved().contains(WINDOW.first()), left + " more");
      refused(Errno.EBUSY, () -> tracker.destroy(ioas));
      tracker.unload(ioas, one);
    }
    assertFalse(ioas.reserved().contains(WINDOW.first()));
    tracker.unload(ioas, one);
    tracker.destroy(ioas);
  }

  @Test
  void kindsThatOthersMakeAreNotAllocated() throws RegionException {
    Device one = device("one", "g", Unit.VTD);
    refused(Errno.EOPNOTSUPP, () -> table(one, ioas, Hwpt.Kind.NESTED));
    refused(Errno.EOPNOTSUPP, () -> table(one, ioas, Hwpt.Kind.AUTO));
    tracker.destroy(ioas);
  }

  @Test
  void anOptInThatMeetsAMappingLeavesNoTable() throws RegionException {
    Device one = device("one", "g", Unit.VTD, OTHER, WINDOW);
    ioas.mapFixed(WINDOW.first(), 4096, 0, Ioas.READ);
    AddressSet.Range aperture = new AddressSet.Range(0, 0xffff_ffffL);
    refused(
        Errno.EADDRINUSE,
        () ->
            tracker.allocate(
                one, ioas, Hwpt.Kind.PARENT, aperture, 4096, DEFAULT.loadingRegions()));
    assertEquals(0, ioas.reserved().size(), "neither the aperture's ends nor the other region");
    assertEquals(1, ioas.alignment());
    tracker.destroy(ioas);
  }

  @Test
  void pasidsHaveTwentyBits() throws RegionException {
    Device one = device("one", "g", Unit.VTD);
    Hwpt table = table(one, ioas, Hwpt.Kind.PAGING);
    refused(Errno.EINVAL, () -> tracker.attach(one, -2, table));
    refused(Errno.EINVAL, () -> tracker.attach(one, 0x10_0000, table));
    tracker.attach(one, 0xf_ffff, table);
    assertEquals(List.of(0xf_ffff), tracker.pasidsOf(one));
    Device plain = tracker.bind("plain", "h", Unit.VTD, List.of(), false);
    refused(Errno.EINVAL, () -> tracker.attach(plain, 0, table));
  }

  @Test
  void aTableOfAnotherUnitIsRefusedAndReservesNothing() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    Device other = device("other", "h", new Unit(Unit.Format.VTD, 1), OTHER);
    Hwpt table = table(one, ioas, Hwpt.Kind.PAGING);
    refused(Errno.EINVAL, () -> tracker.attach(other, Tracker.RID, table));
    assertEquals(0, ioas.reserved().size());
    assertNull(tracker.attached(other, Tracker.RID));
  }

  @Test
  void anSmmuWithSubstreamsAttachedTakesNoSecondStage() throws RegionException {
    Device one = device("one", "g", Unit.SMMUV3, WINDOW);
    tracker.attach(one, 3, table(one, ioas, Hwpt.Kind.PAGING));
    Ioas below = new Ioas();
    Hwpt parent = table(one, below, Hwpt.Kind.PARENT);
    refused(Errno.EBUSY, () -> tracker.attach(one, Tracker.RID, parent));
    assertEquals(0, below.reserved().size());
    tracker.detach(one, 3);
    tracker.attach(one, Tracker.RID, parent);
    assertTrue(below.reserved().contains(WINDOW.first()));
  }

  @Test
  void aTableMadeForAnAddressSpaceIsSharedAndGoesWithItsLastDevice() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    Device two = device("two", "h", Unit.VTD);
    Hwpt made = tracker.attach(one, Tracker.RID, ioas, ALL, 4096);
    assertSame(made, tracker.attach(two, Tracker.RID, ioas, ALL, 4096));
    assertEquals(4096, ioas.alignment());
    tracker.detach(one, Tracker.RID);
    assertFalse(made.isNested());
    assertEquals(4096, ioas.alignment(), "one device is left");
    tracker.detach(two, Tracker.RID);
    assertEquals(1, ioas.alignment());
    tracker.destroy(ioas);
    refused(Errno.ENOENT, () -> tracker.attach(one, Tracker.RID, made));
  }

  @Test
  void aTableThatCannotBeMadeLeavesTheDeviceUnattached() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    ioas.mapFixed(0x1_0000_0000L, 4096, 0, Ioas.READ);
    AddressSet.Range low = new AddressSet.Range(0, 0xffff_ffffL);
    refused(Errno.EADDRINUSE, () -> tracker.attach(one, Tracker.RID, ioas, low, 4096));
    assertNull(tracker.attached(one, Tracker.RID));
    assertEquals(0, ioas.reserved().size());
    refused(Errno.EINVAL, () -> tracker.attach(one, Tracker.RID, ioas, ALL, 3));
    tracker.destroy(ioas);
  }

  @Test
  void aReplacementTakesTheTableThatIsThereOrMakesOne() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    Device two = device("two", "h", Unit.VTD, OTHER);
    Ioas second = new Ioas();
    Hwpt there = tracker.attach(two, Tracker.RID, second, ALL, 4096);
    refused(Errno.EINVAL, () -> tracker.replace(one, Tracker.RID, second, ALL, 4096));
    tracker.attach(one, Tracker.RID, ioas, ALL, 4096);
    assertSame(there, tracker.replace(one, Tracker.RID, second, ALL, 4096));
    assertSame(there, tracker.attached(one, Tracker.RID));
    assertEquals(0, ioas.reserved().size(), "the old table went with its last device");
    assertTrue(second.reserved().contains(WINDOW.first()));
    Ioas third = new Ioas();
    third.mapFixed(WINDOW.last() & -4096, 4096, 0, Ioas.READ);
    refused(Errno.EADDRINUSE, () -> tracker.replace(one, Tracker.RID, third, ALL, 4096));
    assertSame(there, tracker.attached(one, Tracker.RID));
    assertEquals(1, third.alignment(), "no table is left of the attempt");
    assertEquals(0, third.reserved().size());
  }

  @Test
  void aReplacementIsForEveryDeviceOfTheGroupOrForNone() throws RegionException {
    Device one = device("one", "g", Unit.VTD, OTHER);
    Device two = device("two", "g", Unit.VTD, WINDOW);
    Hwpt old = table(one, ioas, Hwpt.Kind.PAGING);
    tracker.attach(one, Tracker.RID, old);
    tracker.attach(two, Tracker.RID, old);
    Ioas second = new Ioas();
    Hwpt next = table(one, second, Hwpt.Kind.PAGING);
    second.mapFixed(WINDOW.first(), 4096, 0, Ioas.READ);
    refused(Errno.EADDRINUSE, () -> tracker.replace(one, Tracker.RID, next));
    assertEquals(0, second.reserved().size(), "nor for the device whose regions fit");
    second.unmap(WINDOW.first(), 4096);
    tracker.replace(one, Tracker.RID, next);
    assertSame(next, tracker.attached(two, Tracker.RID));
    assertEquals(2, second.reserved().size());
    assertEquals(0, ioas.reserved().size());
    refused(Errno.EBUSY, () -> tracker.destroy(next));
    tracker.destroy(old);
    tracker.detach(one, Tracker.RID);
    tracker.detach(two, Tracker.RID);
    tracker.destroy(next);
  }

  @Test
  void aTableThatTakesNoPasidsGoesBesideNone() throws RegionException {
    Device one = device("one", "g", Unit.VTD);
    Hwpt plain = tracker.allocate(one, ioas, Hwpt.Kind.PAGING, ALL, 1, DEFAULT);
    Hwpt both = table(one, ioas, Hwpt.Kind.PAGING);
    refused(Errno.EINVAL, () -> tracker.attach(one, 1, plain));
    tracker.attach(one, Tracker.RID, plain);
    refused(Errno.EINVAL, () -> tracker.attach(one, 1, both));
    tracker.replace(one, Tracker.RID, both);
    tracker.attach(one, 1, both);
    refused(Errno.EINVAL, () -> tracker.replace(one, Tracker.RID, plain));
    assertSame(both, tracker.attached(one, Tracker.RID));
  }

  @Test
  void aDeviceWithADirectRegionIsRefusedWhereThePolicySaysSo() throws RegionException {
    Region direct = new Region(0, 0xfff, RegionKind.DIRECT);
    Region relaxable = new Region(0, 0xfff, RegionKind.DIRECT_RELAXABLE);
    Tracker strict = new Tracker(Policy.LINUX_7_2);
    refused(Errno.EINVAL, () -> strict.bind("one", "g", Unit.VTD, List.of(OTHER, direct), true));
    assertEquals(List.of(), strict.devices());
    assertNotNull(strict.bind("one", "g", Unit.VTD, List.of(OTHER, relaxable), true));
    assertNotNull(tracker.bind("one", "g", Unit.VTD, List.of(direct), true));
  }

  @Test
  void policiesAreFoundByNameInAnyCase() {
    for (Policy policy : Policy.all()) {
      assertSame(policy, Policy.named(policy.name()));
      String lower = policy.name().toLowerCase(java.util.Locale.ROOT);
      assertSame(policy, Policy.named(lower.replace('_', '-')));
      assertEquals(policy.name(), policy.toString());
    }
    assertThrows(IllegalArgumentException.class, () -> Policy.named("linux"));
  }

  @Test
  void whatOneDeviceUsesKeepsNoOther() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    Device two = device("two", "h", Unit.VTD, OTHER);
    tracker.load(ioas, one);
    tracker.unbind(two);
    tracker.destroy(new Ioas());
    refused(Errno.EBUSY, () -> tracker.destroy(ioas));
  }

  @Test
  void aReplacementGivesBackTheRegionsOfEveryDeviceOfTheGroup() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    Device two = device("two", "g", Unit.VTD, OTHER);
    Hwpt before = table(one, ioas, Hwpt.Kind.PAGING);
    tracker.attach(one, Tracker.RID, before);
    tracker.attach(two, Tracker.RID, before);
    Ioas other = new Ioas();
    tracker.replace(one, Tracker.RID, table(one, other, Hwpt.Kind.PAGING));
    for (Region region : List.of(WINDOW, OTHER)) {
      assertFalse(ioas.reserved().contains(region.first()), "given back: " + region);
      assertTrue(other.reserved().contains(region.first()), "taken: " + region);
    }
    tracker.destroy(before);
    tracker.destroy(ioas);
  }

  @Test
  void aTableThatIsGoneIsNeitherAParentNorAReplacement() throws RegionException {
    Device one = device("one", "g", Unit.VTD);
    Hwpt parent = table(one, ioas, Hwpt.Kind.PARENT);
    tracker.destroy(parent);
    refused(Errno.ENOENT, () -> tracker.nest(one, parent, DEFAULT));
    Hwpt paging = table(one, ioas, Hwpt.Kind.PAGING);
    tracker.attach(one, Tracker.RID, paging);
    refused(Errno.ENOENT, () -> tracker.replace(one, Tracker.RID, parent));
    refused(Errno.EINVAL, () -> tracker.replace(one, 1 << 20, paging));
  }

  @Test
  void aTableMadeForAnotherUnitDoesNotServe() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    Device other = device("other", "h", new Unit(Unit.Format.VTD, 1), OTHER);
    Hwpt made = tracker.attach(one, Tracker.RID, ioas, ALL, 4096);
    Hwpt second = tracker.attach(other, Tracker.RID, ioas, ALL, 2048);
    assertNotSame(made, second);
    assertSame(second, tracker.attached(other, Tracker.RID));
    assertTrue(ioas.reserved().contains(OTHER.first()));
  }

  @Test
  void aTableThatAReplacementMakesHasItsApertureAndGranule() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    tracker.attach(one, Tracker.RID, ioas, ALL, 1);
    Ioas second = new Ioas();
    AddressSet.Range low = new AddressSet.Range(0, 0xffff_ffffL);
    tracker.replace(one, Tracker.RID, second, low, 2048);
    assertEquals(2048, second.alignment());
    assertTrue(second.reserved().contains(0x1_0000_0000L));
    tracker.detach(one, Tracker.RID);
    assertEquals(1, second.alignment());
    assertEquals(0, second.reserved().size(), "nothing stays of the device or the table");
  }

  @Test
  void whatAReplacementReservedGoesWithTheAttachment() throws RegionException {
    Device one = device("one", "g", Unit.VTD, WINDOW);
    tracker.attach(one, Tracker.RID, table(one, ioas, Hwpt.Kind.PAGING));
    Ioas second = new Ioas();
    tracker.replace(one, Tracker.RID, table(one, second, Hwpt.Kind.PAGING));
    tracker.detach(one, Tracker.RID);
    assertEquals(0, second.reserved().size());
  }

  @Test
  void pasidsAreListedInAscendingOrder() throws RegionException {
    Device one = device("one", "g", Unit.VTD);
    Hwpt table = table(one, ioas, Hwpt.Kind.PAGING);
    for (int pasid : new int[] {16, 0x1_0000, 1, Tracker.RID, 0xf_ffff}) {
      tracker.attach(one, pasid, table);
    }
    assertEquals(List.of(Tracker.RID, 1, 16, 0x1_0000, 0xf_ffff), tracker.pasidsOf(one));
  }

  @Test
  void aRefusalThatNoOtherTableWouldMendIsTold() throws RegionException {
    Device one = device("one", "g", Unit.VTD);
    Device two = device("two", "h", Unit.VTD, WINDOW);
    tracker.attach(one, Tracker.RID, ioas, ALL, 4096);
    ioas.mapFixed(WINDOW.first(), 4096, 0, Ioas.READ);
    refused(Errno.EADDRINUSE, () -> tracker.attach(two, Tracker.RID, ioas, ALL, 4096));
    assertNull(tracker.attached(two, Tracker.RID));
  }
}
