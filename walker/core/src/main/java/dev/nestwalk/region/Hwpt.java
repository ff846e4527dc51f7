package dev.nestwalk.region;

import org.jspecify.annotations.Nullable;

/**
 * A hardware page table as far as reserved regions are concerned. Made by the {@link Tracker}, and
 * used with it alone.
 */
public final class Hwpt {
  /** What it is. */
  public enum Kind {
    /** Owned by the host; mirrors the mappings of one address space. */
    PAGING,
    /** Maps what its address space maps, and may be the second stage below nested tables. */
    PARENT,
    /** Made for a device that was attached to an address space. */
    AUTO,
    /** A guest's first stage on a parent. */
    NESTED
  }

  private final Kind kind;
  private final Unit unit;
  private final @Nullable Ioas ioas;
  private final @Nullable Hwpt parent;
  private final boolean takesPasids;
  private final FirstStage firstStage;
  private final boolean virtualDevice;
  private final AddressSet.Range aperture;

  // State, guarded by the tracker.
  int users;
  int children;
  boolean destroyed;

  /** What an opt-in at allocation has put into the address space, or null. */
  Group.@Nullable Tag optIn;

  Hwpt(
      Kind kind,
      Unit unit,
      @Nullable Ioas ioas,
      @Nullable Hwpt parent,
      Options options,
      AddressSet.Range aperture) {
    this.kind = kind;
    this.unit = unit;
    this.ioas = ioas;
    this.parent = parent;
    takesPasids = options.takesPasids;
    firstStage = options.firstStage;
    virtualDevice = options.virtualDevice;
    this.aperture = aperture;
  }

  /**
   * How a table is allocated.
   *
   * @param takesPasids may be attached to a PASID, and to the RID beside PASIDs
   * @param firstStage what a nested table does
   * @param virtualDevice the device has its identity in the guest's IOMMU; a translating nested
   *     table of an SMMUv3 needs that
   * @param loadsRegions opt-in: the regions of the device enter the address space of the parent (or
   *     of this table if it is a parent) now, until this table is destroyed
   */
  public record Options(
      boolean takesPasids, FirstStage firstStage, boolean virtualDevice, boolean loadsRegions) {
    /** No PASIDs, a translating first stage, a virtual device, no opt-in. */
    public static final Options DEFAULT = new Options(false, FirstStage.TRANSLATE, true, false);

    /** For PASIDs. */
    public Options forPasids() {
      return new Options(true, firstStage, virtualDevice, loadsRegions);
    }

    /** With another first stage. */
    public Options with(FirstStage other) {
      return new Options(takesPasids, other, virtualDevice, loadsRegions);
    }

    /** Without a virtual device. */
    public Options withoutVirtualDevice() {
      return new Options(takesPasids, firstStage, false, loadsRegions);
    }

    /** With the opt-in. */
    public Options loadingRegions() {
      return new Options(takesPasids, firstStage, virtualDevice, true);
    }
  }

  /** What it is. */
  public Kind kind() {
    return kind;
  }

  /** The IOMMU that can use it. */
  public Unit unit() {
    return unit;
  }

  /** Whether it is a guest's first stage. */
  public boolean isNested() {
    return kind == Kind.NESTED;
  }

  /** The paging table: itself, or the parent of a nested one. */
  public Hwpt paging() {
    return parent == null ? this : parent;
  }

  /** The address space whose mappings the paging table mirrors. */
  public Ioas ioas() {
    Ioas own = paging().ioas;
    if (own == null) {
      throw new IllegalStateException("a paging table without address space");
    }
    return own;
  }

  /** Input addresses that it can translate at all. */
  public AddressSet.Range aperture() {
    return aperture;
  }

  /** Whether it may be attached to a PASID. */
  public boolean takesPasids() {
    return takesPasids;
  }

  /** What a nested table does. */
  public FirstStage firstStage() {
    return firstStage;
  }

  /** Whether a nested table's device has its identity in the guest's IOMMU. */
  public boolean hasVirtualDevice() {
    return virtualDevice;
  }
}
