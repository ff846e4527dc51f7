package dev.nestwalk.region;

import org.jspecify.annotations.Nullable;

/**
 * A hardware page table, as far as reserved regions are concerned. A {@link Tracker} makes it and
 * is the only one to use it.
 */
public final class Hwpt {
  /** The kind of table. */
  public enum Kind {
    /** Owned by the host; mirrors the mappings of one address space. */
    PAGING,
    /** A paging table that may also be the second stage below nested tables. */
    PARENT,
    /** A paging table made for a device that was attached to an address space. */
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

  /** The reservations in the address space by an opt-in at allocation, or null. */
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
   * @param takesPasids whether it may be attached to a PASID, and to the RID of a device with
   *     attached PASIDs
   * @param firstStage what a nested table does
   * @param virtualDevice whether the device has an identity in the guest's IOMMU; a translating
   *     nested table of an SMMUv3 needs one
   * @param loadsRegions opt-in: the device's regions are reserved in the address space of the
   *     parent (or of this table if it is a parent) until this table is destroyed
   */
  public record Options(
      boolean takesPasids, FirstStage firstStage, boolean virtualDevice, boolean loadsRegions) {
    /** No PASIDs, a translating first stage, a virtual device, no opt-in. */
    public static final Options DEFAULT = new Options(false, FirstStage.TRANSLATE, true, false);

    /** These options, for a table that may be attached to PASIDs. */
    public Options forPasids() {
      return new Options(true, firstStage, virtualDevice, loadsRegions);
    }

    /** These options with another first stage. */
    public Options with(FirstStage other) {
      return new Options(takesPasids, other, virtualDevice, loadsRegions);
    }

    /** These options without a virtual device. */
    public Options withoutVirtualDevice() {
      return new Options(takesPasids, firstStage, false, loadsRegions);
    }

    /** These options with the opt-in. */
    public Options loadingRegions() {
      return new Options(takesPasids, firstStage, virtualDevice, true);
    }
  }

  /** The kind of table. */
  public Kind kind() {
    return kind;
  }

  /** The IOMMU that can use the table. */
  public Unit unit() {
    return unit;
  }

  /** Whether it is a guest's first stage. */
  public boolean isNested() {
    return kind == Kind.NESTED;
  }

  /** The paging table: this one, or the parent of a nested table. */
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

  /** The input addresses that the table can translate. */
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

  /** Whether a nested table's device has an identity in the guest's IOMMU. */
  public boolean hasVirtualDevice() {
    return virtualDevice;
  }
}
