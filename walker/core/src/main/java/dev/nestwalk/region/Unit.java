package dev.nestwalk.region;

/**
 * An IOMMU that devices are behind.
 *
 * @param instance distinguishes units of one format
 */
public record Unit(Format format, int instance) {
  /** The format of the unit's tables, which determines what it can do with a PASID. */
  public enum Format {
    /** Intel VT-d. */
    VTD,
    /** Arm SMMUv3. */
    SMMUV3
  }

  /** A VT-d unit. */
  public static final Unit VTD = new Unit(Format.VTD, 0);

  /** An SMMUv3. */
  public static final Unit SMMUV3 = new Unit(Format.SMMUV3, 0);
}
