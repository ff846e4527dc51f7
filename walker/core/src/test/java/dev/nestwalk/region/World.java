package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;

/** A tracker with two address spaces, and short words for what cases do with it. */
final class World {
  static final long MEMORY = 0x7f00_0000_0000L;
  static final long PAGE = 4096;
  static final int RW = Ioas.READ | Ioas.WRITE;
  static final long UMAX = -1;
  static final AddressSet.Range FULL = range(0, UMAX);
  static final AddressSet.Range MOCK = range(0x100_0000, 0x7fff_ffff);
  static final long WINDOW = 0xfee0_0000L;

  static final List<Region> X86 = List.of(Region.X86_MSI);
  static final List<Region> AMD =
      List.of(Region.X86_MSI, region(0xfd_0000_0000L, 0xff_ffff_ffffL, RegionKind.RESERVED));
  static final List<Region> ARM = List.of(Region.ARM_SW_MSI);

  final Ioas i = new Ioas();
  final Ioas j = new Ioas();
  final Tracker tracker;
  private int count;

  /** The hardware refuses from now on. */
  boolean failing;

  World(Policy policy) {
    Hardware hardware =
        (device, pasid, table, pasidsInUse) -> {
          if (failing) {
            throw new RegionException(Errno.ENOENT, "hardware");
          }
          Hardware.RULES.attach(device, pasid, table, pasidsInUse);
        };
    tracker = new Tracker(policy, hardware, false);
  }

  /** Something that the tracker may refuse. */
  interface Act {
    void run() throws RegionException;
  }

  static AddressSet.Range range(long first, long last) {
    return new AddressSet.Range(first, last);
  }

  static Region region(long first, long last, RegionKind kind) {
    return new Region(first, last, kind);
  }

  static void refused(Errno errno, Act act) {
    assertEquals(errno, assertThrows(RegionException.class, act::run).errno());
  }

  /** Ranges as {@code "0-fff 2000-max"}. */
  static String text(List<AddressSet.Range> ranges) {
    List<String> words = new ArrayList<>();
    for (AddressSet.Range range : ranges) {
      String last = range.last() == UMAX ? "max" : Long.toHexString(range.last());
      words.add(Long.toHexString(range.first()) + "-" + last);
    }
    return String.join(" ", words);
  }

  static String usable(Ioas ioas) {
    return text(ioas.ranges().usable());
  }

  static void reserve(Ioas ioas, long first, long last) throws RegionException {
    ioas.reserve("anonymous", List.of(range(first, last)));
  }

  static long map(Ioas ioas, long length) throws RegionException {
    return ioas.map(length, MEMORY, RW);
  }

  static void fixed(Ioas ioas, long iova, long length) throws RegionException {
    ioas.mapFixed(iova, length, MEMORY, RW);
  }

  Device device(List<Region> regions) throws RegionException {
    return device(regions, "group" + count);
  }

  /** A device behind the unit that its regions belong to. */
  Device device(List<Region> regions, String group) throws RegionException {
    boolean arm = regions.stream().anyMatch(region -> region.kind() == RegionKind.SW_MSI);
    return device(regions, group, arm ? Unit.SMMUV3 : Unit.VTD);
  }

  Device device(List<Region> regions, String group, Unit unit) throws RegionException {
    return tracker.bind("device" + count++, group, unit, regions, true, false);
  }

  Hwpt paging(Device device, Ioas ioas) throws RegionException {
    return table(device, ioas, Hwpt.Kind.PAGING, FULL);
  }

  Hwpt parent(Device device, Ioas ioas) throws RegionException {
    return table(device, ioas, Hwpt.Kind.PARENT, FULL);
  }

  Hwpt table(Device device, Ioas ioas, Hwpt.Kind kind, AddressSet.Range aperture)
      throws RegionException {
    Hwpt.Options options = Hwpt.Options.DEFAULT.forPasids();
    return tracker.allocate(device, ioas, kind, aperture, 1, options);
  }

  Hwpt mock(Ioas ioas) throws RegionException {
    Device any = device(List.of());
    return tracker.allocate(
        any, ioas, Hwpt.Kind.PAGING, MOCK, 2048, Hwpt.Options.DEFAULT.forPasids());
  }

  Hwpt nested(Device device, Hwpt parent) throws RegionException {
    return tracker.nest(device, parent, options(device));
  }

  /** As the unit takes it: VT-d's nested tables go beside PASIDs. */
  Hwpt.Options options(Device device) {
    return device.unit().format() == Unit.Format.VTD
        ? Hwpt.Options.DEFAULT.forPasids()
        : Hwpt.Options.DEFAULT;
  }

  void attach(Device device, Hwpt table) throws RegionException {
    tracker.attach(device, Tracker.RID, table);
  }

  void replace(Device device, Hwpt table) throws RegionException {
    tracker.replace(device, Tracker.RID, table);
  }

  void detach(Device device) {
    tracker.detach(device, Tracker.RID);
  }

  Hwpt auto(Device device, Ioas ioas) throws RegionException {
    return tracker.attach(device, Tracker.RID, ioas, FULL, 1);
  }

  static boolean held(Ioas ioas, long address) {
    return ioas.reserved().contains(address);
  }
}
