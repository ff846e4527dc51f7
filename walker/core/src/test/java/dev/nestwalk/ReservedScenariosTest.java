package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.GuestSpace;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Effects;
import dev.nestwalk.region.Errno;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.region.Unit;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The discussion's scenarios from the tracker down to the tables: what user space may map, and what
 * then becomes of the device's DMA. The device has the x86 interrupt window and a hole at
 * 0xC0000000.
 */
class ReservedScenariosTest {
  private static final int DEVICE = 0x10;
  private static final int PASID = 9;
  private static final Region HOLE = new Region(0xc000_0000L, 0xc000_ffffL, RegionKind.RESERVED);
  private static final long WINDOW = Region.X86_MSI.first();
  private static final long RAM = 0x1_0000_0000L;
  private static final AddressSet.Range ALL = new AddressSet.Range(0, Ioas.LAST);
  private static final Hwpt.Options OPTIONS = Hwpt.Options.DEFAULT.forPasids();

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 256);
  private final VtdMachine machine = new VtdMachine(memory).scalable();
  private final SecondStageTables second = new SecondStageTables(memory, 4);
  private final GuestSpace guest = new GuestSpace(memory, second, 0x100_0000_0000L);
  private final FirstStageTables first = new FirstStageTables(guest, 4);
  private final Ioas ioas = new Ioas();

  @AfterEach
  void close() {
    arena.close();
  }

  /** User space maps a page, and the host's table follows. */
  private void map(long iova) throws RegionException {
    ioas.mapFixed(iova, 4096, RAM, Ioas.READ | Ioas.WRITE);
    second.map(iova, RAM, 12, 3);
  }

  private void guestMaps(long bus, long intermediate) {
    long flags =
        FirstStageTables.P
            | FirstStageTables.RW
            | FirstStageTables.US
            | FirstStageTables.A
            | FirstStageTables.D;
    first.map(bus, intermediate, 12, flags);
  }

  private void assertRefused(Errno errno, org.junit.jupiter.api.function.Executable act) {
    assertEquals(errno, assertThrows(RegionException.class, act).errno());
  }

  private static Device bind(Tracker tracker) throws RegionException {
    return tracker.bind("device", "group", Unit.VTD, List.of(HOLE, Region.X86_MSI), true, false);
  }

  private Hwpt parent(Tracker tracker, Device device) throws RegionException {
    return tracker.allocate(device, ioas, Hwpt.Kind.PARENT, ALL, 4096, OPTIONS);
  }

  /** What becomes of a write, with the device's set attached to the translator. */
  private String dma(Tracker tracker, Device device, int pasid, long iova) {
    Iommu iommu = Iommu.vtd(Comparison.over(memory), machine.registers(), 46);
    Effects effects = new Effects(tracker);
    int of = pasid == -1 ? Tracker.RID : pasid;
    iommu.restrict(DEVICE, pasid, effects.refusals(device, of), RegionSet.EMPTY);
    long answer = iommu.newTranslator().translate(DEVICE, pasid, iova, Access.WRITE);
    int code = Translation.code(answer);
    if (!Translation.isFault(answer)) {
      return "0x%x".formatted(Translation.address(answer));
    }
    return Outcome.isLibraryCode(code) ? Outcome.of(code).toString() : "fault 0x%x".formatted(code);
  }

  @Test
  void directThenNestedThenBackUnderTheRuleThatOnlyDirectAttachmentsCount() throws RegionException {
    Tracker tracker = new Tracker(Policy.DIRECT_RID_ONLY);
    Device device = bind(tracker);
    Hwpt host = parent(tracker, device);

    // The guest boots without IOMMU: bus addresses are guest-physical, so all regions bind.
    tracker.attach(device, Tracker.RID, host);
    machine.pasid(DEVICE, 0, PasidEntry.secondStage(2, second.root()));
    map(0x4000_0000L);
    assertRefused(Errno.EINVAL, () -> map(0xc000_0000L));
    assertEquals("0x100000008", dma(tracker, device, -1, 0x4000_0008L));
    assertEquals("RESERVED", dma(tracker, device, -1, 0xc000_0000L));
    assertEquals("RESERVED_MSI", dma(tracker, device, -1, WINDOW));

    // It switches its IOMMU on: what was bound is now behind its own table, and free.
    Hwpt nested = tracker.nest(device, host, OPTIONS);
    tracker.replace(device, Tracker.RID, nested);
    machine.pasid(DEVICE, 0, PasidEntry.nested(first, second).walkSnoop());
    map(0xc000_0000L);
    guestMaps(0x7000_0000L, 0xc000_0000L);
    guestMaps(0xc000_0000L, 0xc000_0000L);
    assertEquals("0x100000000", dma(tracker, device, -1, 0x7000_0000L), "the hole is no address");
    assertEquals("RESERVED", dma(tracker, device, -1, 0xc000_0000L), "on the bus it is one");

    // It cannot go back while something is mapped there.
    assertRefused(Errno.EADDRINUSE, () -> tracker.replace(device, Tracker.RID, host));
    assertEquals(nested, tracker.attached(device, Tracker.RID));
    assertEquals(4096, ioas.unmap(0xc000_0000L, 4096));
    tracker.replace(device, Tracker.RID, host);
    assertRefused(Errno.EINVAL, () -> map(0xc000_0000L));
  }

  @Test
  void linuxKeepsTheRegionsOfANestedDeviceOutOfItsParent() throws RegionException {
    Tracker tracker = new Tracker(Policy.LINUX_7_2);
    Device device = bind(tracker);
    Hwpt nested = tracker.nest(device, parent(tracker, device), OPTIONS);
    tracker.attach(device, Tracker.RID, nested);
    machine.pasid(DEVICE, 0, PasidEntry.nested(first, second).walkSnoop());
    assertRefused(Errno.EINVAL, () -> map(0xc000_0000L));
    map(0xd000_0000L);
    guestMaps(0x7000_0000L, 0xd000_0000L);
    assertEquals("0x100000000", dma(tracker, device, -1, 0x7000_0000L));
  }

  @Test
  void identityFirstStageMakesWhatTheParentMapsReachable() throws RegionException {
    Tracker tracker = new Tracker(Policy.PARENT_OPT_IN);
    Device device = bind(tracker);
    tracker.attach(device, Tracker.RID, tracker.nest(device, parent(tracker, device), OPTIONS));
    machine.pasid(DEVICE, 0, PasidEntry.nested(first, second).walkSnoop());
    // Nothing forbids the mapping; the guest's one-to-one table would lead to it, the bus does not.
    map(0xc000_0000L);
    guestMaps(0xc000_0000L, 0xc000_0000L);
    assertEquals("RESERVED", dma(tracker, device, -1, 0xc000_0000L));
    // What a monitor should have asked before: where one to one works.
    List<AddressSet.Range> safe =
        AddressSet.allowedIdentity(device.regions(), new AddressSet.Range(0, RAM), 4096, false);
    assertEquals(0xbfff_ffffL, safe.get(0).last());
  }

  @Test
  void theOptInLoadsTheRegionsAsLongAsTheTableLives() throws RegionException {
    Tracker tracker = new Tracker(Policy.PARENT_OPT_IN);
    Device device = bind(tracker);
    Hwpt host = parent(tracker, device);
    Hwpt nested = tracker.nest(device, host, OPTIONS.loadingRegions());
    assertRefused(Errno.EINVAL, () -> map(0xc000_0000L));
    tracker.attach(device, Tracker.RID, nested);
    tracker.detach(device, Tracker.RID);
    assertRefused(Errno.EINVAL, () -> map(0xc000_0000L));
    tracker.destroy(nested);
    map(0xc000_0000L);
  }

  static List<Policy> policies() {
    return Policy.all();
  }

  @ParameterizedTest
  @MethodSource("policies")
  void requestsWithPasidMeetNoRegion(Policy policy) throws RegionException {
    Tracker tracker = new Tracker(policy);
    Device device = bind(tracker);
    Hwpt host = parent(tracker, device);
    tracker.attach(device, PASID, host);
    machine.pasid(DEVICE, PASID, PasidEntry.secondStage(2, second.root()));
    map(0xc000_0000L);
    map(WINDOW);
    assertEquals("0x100000000", dma(tracker, device, PASID, 0xc000_0000L));
    assertEquals("0x100000000", dma(tracker, device, PASID, WINDOW), "no interrupt with PASID");
  }

  @Test
  void aDoorbellThatIsTranslatedIsNotRefused() throws RegionException {
    Tracker tracker = new Tracker(Policy.LINUX_7_2);
    Device device =
        tracker.bind("arm", "arm", Unit.SMMUV3, List.of(Region.ARM_SW_MSI), true, false);
    Hwpt host = tracker.allocate(device, ioas, Hwpt.Kind.PARENT, ALL, 4096, Hwpt.Options.DEFAULT);
    tracker.attach(device, Tracker.RID, host);
    Effects effects = new Effects(tracker);
    assertRefused(Errno.EINVAL, () -> map(Region.ARM_SW_MSI.first()));
    assertEquals(RegionSet.EMPTY, effects.refusals(device, Tracker.RID));
    assertEquals(1, effects.intermediate(host).size());
  }
}
