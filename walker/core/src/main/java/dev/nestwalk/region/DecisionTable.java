package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The configurations of the discussion about reserved regions under nesting, with what binds and
 * what is enforced in each. The entries are computed by attaching a device with a region of each
 * kind to tables of the tracker; they are not written down.
 */
public final class DecisionTable {
  private static final long KIND_STEP = 1L << 20;
  private static final int PASID = 7;
  private static final AddressSet.Range ALL = new AddressSet.Range(0, Ioas.LAST);

  /** How a device's requests are translated. */
  private enum Table {
    NONE,
    FIRST,
    SECOND,
    NESTED
  }

  /**
   * A row: requests of one kind, from a device behind one kind of unit, and the tables they pass.
   */
  public enum Row {
    /** VT-d pass-through. */
    VT1(Unit.Format.VTD, Table.NONE, false, FirstStage.TRANSLATE),
    /** VT-d pass-through, with PASID. */
    VT2(Unit.Format.VTD, Table.NONE, true, FirstStage.TRANSLATE),
    /** VT-d first stage of the host. */
    VT3(Unit.Format.VTD, Table.FIRST, false, FirstStage.TRANSLATE),
    /** VT-d first stage of the host, with PASID. */
    VT4(Unit.Format.VTD, Table.FIRST, true, FirstStage.TRANSLATE),
    /** VT-d second stage alone, as for a guest without an IOMMU. */
    VT5(Unit.Format.VTD, Table.SECOND, false, FirstStage.TRANSLATE),
    /** VT-d second stage alone, with PASID. */
    VT6(Unit.Format.VTD, Table.SECOND, true, FirstStage.TRANSLATE),
    /** VT-d nested. */
    VT7(Unit.Format.VTD, Table.NESTED, false, FirstStage.TRANSLATE),
    /** VT-d nested, with PASID. */
    VT8(Unit.Format.VTD, Table.NESTED, true, FirstStage.TRANSLATE),
    /** SMMUv3 bypass. */
    SM1(Unit.Format.SMMUV3, Table.NONE, false, FirstStage.TRANSLATE),
    /** SMMUv3 bypass, with a substream. */
    SM2(Unit.Format.SMMUV3, Table.NONE, true, FirstStage.TRANSLATE),
    /** SMMUv3 stage 1 of the host. */
    SM3(Unit.Format.SMMUV3, Table.FIRST, false, FirstStage.TRANSLATE),
    /** SMMUv3 stage 1 of the host, with a substream. */
    SM4(Unit.Format.SMMUV3, Table.FIRST, true, FirstStage.TRANSLATE),
    /** SMMUv3 stage 2 alone. */
    SM5(Unit.Format.SMMUV3, Table.SECOND, false, FirstStage.TRANSLATE),
    /** SMMUv3 stage 2 alone, with a substream. */
    SM6(Unit.Format.SMMUV3, Table.SECOND, true, FirstStage.TRANSLATE),
    /** SMMUv3 nested. */
    SM7(Unit.Format.SMMUV3, Table.NESTED, false, FirstStage.TRANSLATE),
    /** SMMUv3 nested, requests with a substream. */
    SM8(Unit.Format.SMMUV3, Table.NESTED, true, FirstStage.TRANSLATE),
    /** SMMUv3 nested table attached to a substream. */
    SM8x(Unit.Format.SMMUV3, Table.NESTED, true, FirstStage.TRANSLATE),
    /** SMMUv3 nested, where the guest's STE selects bypass. */
    SM9(Unit.Format.SMMUV3, Table.NESTED, false, FirstStage.BYPASS),
    /** SMMUv3 nested, where S1DSS selects bypass for requests without substream. */
    SM10(Unit.Format.SMMUV3, Table.NESTED, false, FirstStage.DEFAULT_BYPASS),
    /** SMMUv3 nested, where the guest's tables happen to be one to one. */
    SM11(Unit.Format.SMMUV3, Table.NESTED, false, FirstStage.TRANSLATE),
    /** SMMUv3 nested, where the guest's STE aborts. */
    SM12(Unit.Format.SMMUV3, Table.NESTED, false, FirstStage.ABORT);

    private final Unit.Format format;
    private final Table table;
    private final boolean pasid;
    private final FirstStage firstStage;

    Row(Unit.Format format, Table table, boolean pasid, FirstStage firstStage) {
      this.format = format;
      this.table = table;
      this.pasid = pasid;
      this.firstStage = firstStage;
    }
  }

  /** The result of a row under one policy. */
  private record Outcome(String bus, String intermediate, String enforced) {}

  /**
   * A row of the table: bus, intermediate, and a word for each policy in the order of {@link
   * Policy#all}, with the opt-in after its policy.
   */
  public static List<String> row(Row row) {
    List<String> words = new ArrayList<>();
    for (Policy policy : Policy.all()) {
      Outcome outcome = outcome(row, policy, false);
      if (words.isEmpty()) {
        words.add(outcome.bus);
        words.add(outcome.intermediate);
      }
      words.add(outcome.enforced);
      if (policy.honoursOptIn()) {
        words.add(outcome(row, policy, true).enforced);
      }
    }
    return words;
  }

  /**
   * The result for a device per kind of region. Each kind has a device of its own, since some kinds
   * exclude each other.
   */
  private static Outcome outcome(Row row, Policy policy, boolean optIn) {
    StringBuilder bus = new StringBuilder();
    StringBuilder below = new StringBuilder();
    Map<RegionKind, Boolean> enforced = new EnumMap<>(RegionKind.class);
    for (RegionKind kind :
        List.of(RegionKind.DIRECT, RegionKind.RESERVED, RegionKind.MSI, RegionKind.SW_MSI)) {
      if (kind == RegionKind.SW_MSI && row.format == Unit.Format.VTD) {
        continue;
      }
      try {
        Trial trial = new Trial(row, policy, optIn, kind);
        bus.append(trial.busLetter());
        below.append(trial.intermediateLetter());
        enforced.put(kind, trial.isEnforced());
      } catch (RegionException refused) {
        return new Outcome(".", ".", "x");
      }
    }
    boolean isPaging = row.table != Table.NONE;
    return new Outcome(
        bus.isEmpty() ? "-" : bus.toString(),
        intermediate(row, bus.toString(), below.toString()),
        !isPaging ? "n/a" : word(enforced));
  }

  private static String intermediate(Row row, String bus, String below) {
    if (row.table == Table.FIRST || row == Row.VT2) {
      return ".";
    }
    if (row.table == Table.NONE || row.table == Table.SECOND) {
      return "=";
    }
    if (!bus.isEmpty() && bus.equals(below)) {
      return "=";
    }
    return below.isEmpty() ? "-" : below;
  }

  private static String word(Map<RegionKind, Boolean> enforced) {
    boolean software = enforced.getOrDefault(RegionKind.SW_MSI, false);
    boolean all = !enforced.containsValue(false);
    return all ? "ALL" : software ? "SW" : enforced.containsValue(true) ? "some" : "-";
  }

  /** The attachment of one device with one region. */
  private static final class Trial {
    private final Ioas ioas = new Ioas();
    private final Effects effects;
    private final Device device;
    private final Hwpt paging;
    private final Row row;
    private final Region region;

    Trial(Row row, Policy policy, boolean optIn, RegionKind kind) throws RegionException {
      this.row = row;
      Tracker tracker = new Tracker(policy);
      effects = new Effects(tracker);
      region = new Region(KIND_STEP, 2 * KIND_STEP - 1, kind);
      device =
          tracker.bind("device", "group", new Unit(row.format, 0), List.of(region), true, false);
      boolean isArm = row.format == Unit.Format.SMMUV3;
      if (row == Row.SM2) {
        Hwpt second = allocate(tracker, Hwpt.Kind.PARENT, Hwpt.Options.DEFAULT.forPasids());
        tracker.attach(device, PASID, second);
      }
      Hwpt.Kind kindOfTable = row.table == Table.FIRST ? Hwpt.Kind.PAGING : Hwpt.Kind.PARENT;
      paging = allocate(tracker, kindOfTable, Hwpt.Options.DEFAULT.forPasids());
      if (row.table == Table.NONE) {
        return;
      }
      Hwpt table = paging;
      if (row.table == Table.NESTED) {
        Hwpt.Options options = Hwpt.Options.DEFAULT.with(row.firstStage);
        options = isArm ? options : options.forPasids();
        table = tracker.nest(device, paging, optIn ? options.loadingRegions() : options);
      }
      // A guest's substreams belong to its CD table, and so to the attachment of the RID.
      tracker.attach(device, row.pasid && row != Row.SM8 ? PASID : Tracker.RID, table);
    }

    private Hwpt allocate(Tracker tracker, Hwpt.Kind kind, Hwpt.Options options)
        throws RegionException {
      return tracker.allocate(device, ioas, kind, ALL, 1, options);
    }

    String busLetter() {
      for (Bound bound : effects.bus(device, row.pasid ? PASID : Tracker.RID)) {
        boolean identity =
            bound.demand() == Bound.Demand.IDENTITY && region.kind() == RegionKind.SW_MSI;
        return bound.demand() == Bound.Demand.BLOCKED ? "X" : letter() + (identity ? "=" : "");
      }
      return "";
    }

    String intermediateLetter() {
      return effects.intermediate(paging).isEmpty() ? "" : letter();
    }

    private String letter() {
      return switch (region.kind()) {
        case DIRECT -> "D";
        case RESERVED -> "R";
        case MSI -> "M";
        default -> "S";
      };
    }

    boolean isEnforced() {
      return ioas.reserved().contains(KIND_STEP);
    }
  }

  private DecisionTable() {}
}
