package dev.nestwalk.region;

/**
 * An IOMMU that devices sit behind.
 *
 * @param instance tells units of one format apart
 */
public record Unit(Format format, int instance) {
  /** What its tables are, and thereby what it can do with a PASID. */
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
