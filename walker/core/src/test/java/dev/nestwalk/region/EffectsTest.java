package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Sets of bounds and conflicts, of a device in front of a nested table. */
final class EffectsTest {
  private static final AddressSet.Range APERTURE = new AddressSet.Range(0x1000, 0xffff_ffffL);
  private static final Region HOLE = new Region(0x10_0000, 0x1f_ffff, RegionKind.RESERVED);
  private static final Region DIRECT = new Region(0x40_0000, 0x4f_ffff, RegionKind.DIRECT);

  private final Tracker tracker = new Tracker(Policy.PARENT_OPT_IN);
  private final Effects effects = new Effects(tracker);
  private final Ioas ioas = new Ioas();

  private Device device(Unit unit, Region... regions) throws RegionException {
    return tracker.bind("device", "group", unit, List.of(regions), true, false);
  }

  private Hwpt parent(Device device) throws RegionException {
    return tracker.allocate(
        device, ioas, Hwpt.Kind.PARENT, APERTURE, 1, Hwpt.Options.DEFAULT.forPasids());
  }

  @Test
  void beforeATableItsBoundsAreTheDevicesAndItsAperturesEnds() throws RegionException {
    Device device = device(Unit.VTD, HOLE, DIRECT, Region.X86_MSI);
    Hwpt parent = parent(device);
    Region below = new Region(0, 0xfff, RegionKind.RESERVED);
    Region above = new Region(0x1_0000_0000L, -1, RegionKind.RESERVED);
    assertEquals(List.of(below, above), effects.intermediateRefusals(parent).regions());
    tracker.attach(device, Tracker.RID, parent);
    assertEquals(
        List.of(below, HOLE, Region.X86_MSI, above),
        effects.intermediateRefusals(parent).regions());
    assertEquals(
        List.of(below, HOLE, DIRECT, Region.X86_MSI, above),
        effects.intermediateSet(parent).regions());
    assertEquals(
        List.of(HOLE, DIRECT, Region.X86_MSI), effects.busSet(device, Tracker.RID).regions());
    assertEquals(List.of(HOLE, Region.X86_MSI), effects.refusals(device, Tracker.RID).regions());
    assertEquals(List.of(), effects.reported(device), "the host's own table");
  }

  /** VT-d's interrupt window alone is special to a PASID without a table of its own. */
  @Test
  void aPasidWithoutTableIsKeptFromTheInterruptWindow() throws RegionException {
    Device passed = device(Unit.VTD, HOLE, DIRECT, Region.X86_MSI);
    assertEquals(List.of(Region.X86_MSI), effects.refusals(passed, 5).regions());
    assertEquals(List.of(Region.X86_MSI), effects.busSet(passed, 5).regions());
    Tracker other = new Tracker(Policy.PARENT_OPT_IN);
    Device arm = other.bind("device", "group", Unit.SMMUV3, List.of(HOLE, Region.X86_MSI), true);
    assertEquals(List.of(), new Effects(other).refusals(arm, 5).regions());
  }

  @Test
  void aGuestsFirstStageIsToldOfTheBoundsThatTheHostCannotEnforce() throws RegionException {
    Device device = device(Unit.VTD, HOLE, DIRECT);
    Hwpt parent = parent(device);
    tracker.attach(
        device, Tracker.RID, tracker.nest(device, parent, Hwpt.Options.DEFAULT.forPasids()));
    assertEquals(2, effects.reported(device).size());
    assertEquals(List.of(), effects.intermediate(parent));
    assertEquals(List.of(HOLE, DIRECT), effects.busSet(device, Tracker.RID).regions());
  }

  @Test
  void conflictsNameTheMappingWhoCaresAndWhoRefuses() throws RegionException {
    Device device =
        device(Unit.VTD, HOLE, DIRECT, new Region(0x80_0000, 0x8f_ffff, RegionKind.MSI));
    Hwpt parent = parent(device);
    ioas.mapFixed(0x1f_f000, 0x1000, 0, Ioas.READ);
    ioas.mapFixed(0x3f_f000, 0x2000, 0, Ioas.READ);
    List<Conflict> conflicts = effects.conflicts(device, parent);
    assertEquals(List.of(HOLE, DIRECT), conflicts.stream().map(Conflict::region).toList());
    assertEquals(new AddressSet.Range(0x3f_f000, 0x40_0fff), conflicts.get(1).mapping());
    assertEquals(Policy.all(), conflicts.get(0).enforcedUnder());
    String line = conflicts.get(0).describe();
    assertTrue(line.startsWith("device: RESERVED 0x100000-0x1fffff meets"), line);
    assertTrue(line.endsWith("POSTED_V2, DIRECT_RID_ONLY, PARENT_OPT_IN, POSTED_V3, LINUX_7_2"));
    Hwpt nested = tracker.nest(device, parent, Hwpt.Options.DEFAULT.forPasids());
    tracker.attach(device, Tracker.RID, nested);
    List<Conflict> behind = effects.conflicts(device, nested);
    assertEquals(List.of(Policy.POSTED_V2, Policy.LINUX_7_2), behind.get(0).enforcedUnder());
    assertTrue(behind.get(0).describe().contains("hardware does not care"));
    Conflict nobody = new Conflict(device, HOLE, APERTURE, true, List.of());
    assertTrue(nobody.describe().endsWith("hardware cares; refused under no policy"));
  }

  @Test
  void aPasidWithoutTableIsBlockedAtTheWindowUnlessTheDeviceIsNested() throws RegionException {
    Device device = device(Unit.VTD, HOLE, Region.X86_MSI);
    Hwpt parent = parent(device);
    List<Bound> blocked = List.of(new Bound(device, Region.X86_MSI, Bound.Demand.BLOCKED));
    assertEquals(blocked, effects.bus(device, 5), "nothing is attached");
    tracker.attach(device, Tracker.RID, parent);
    assertEquals(blocked, effects.bus(device, 5), "the RID has a table of the host");
    tracker.replace(
        device, Tracker.RID, tracker.nest(device, parent, Hwpt.Options.DEFAULT.forPasids()));
    assertEquals(List.of(), effects.bus(device, 5), "the guest has the PASID table");
    tracker.attach(device, 5, parent);
    assertEquals(List.of(), effects.bus(device, 5), "it has a table");
  }

  @Test
  void hardwareCaresForADoorbellWindowBehindATranslatingFirstStage() throws RegionException {
    Device device = device(Unit.SMMUV3, HOLE, Region.ARM_SW_MSI);
    Hwpt parent = parent(device);
    ioas.mapFixed(HOLE.first(), 0x1000, 0, Ioas.READ);
    ioas.mapFixed(Region.ARM_SW_MSI.first(), 0x1000, 0, Ioas.READ);
    for (FirstStage stage : FirstStage.values()) {
      Hwpt nested = tracker.nest(device, parent, Hwpt.Options.DEFAULT.with(stage));
      boolean cares = stage.isIdentity();
      assertEquals(
          List.of(cares, cares || stage == FirstStage.TRANSLATE),
          effects.conflicts(device, nested).stream().map(Conflict::binds).toList(),
          stage.name());
    }
  }

  @Test
  void withoutATableOnlyTheInterruptWindowOfVtdBlocksAPasid() throws RegionException {
    Region msi = new Region(0x30_0000, 0x30_ffff, RegionKind.MSI);
    Device device = device(Unit.VTD, HOLE, msi, DIRECT);
    assertEquals(List.of(msi), effects.busSet(device, 7).regions());
    tracker.unbind(device);
    Device arm = device(Unit.SMMUV3, HOLE, msi, DIRECT);
    assertEquals(List.of(), effects.busSet(arm, 7).regions());
    assertEquals(List.of(HOLE, msi, DIRECT), effects.busSet(arm, Tracker.RID).regions());
  }
}
