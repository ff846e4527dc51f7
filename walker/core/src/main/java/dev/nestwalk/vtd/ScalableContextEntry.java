package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Context entry of scalable mode (VT-d 9.4), 32 bytes, one per function. */
public final class ScalableContextEntry {
  /** Present. */
  public static final Field P = Field.bit("P", 0, "present");

  /** Fault processing disable. */
  public static final Field FPD =
      Field.bit("FPD", 1, "qualified faults through this entry are not recorded");

  /** Device-TLB enable. */
  public static final Field DTE =
      Field.bit("DTE", 2, "device-TLB requests are served; reserved unless ECAP.DT");

  /** PASID enable. */
  public static final Field PASIDE =
      Field.bit("PASIDE", 3, "requests with PASID are served; reserved unless ECAP.PASID");

  /** Page request enable. */
  public static final Field PRE =
      Field.bit("PRE", 4, "page requests are served; reserved unless ECAP.PRS");

  /** PASID directory size. */
  public static final Field PDTS =
      Field.of("PDTS", 11, 9, "the PASID directory has 2^(PDTS+7) entries");

  /** PASID directory. */
  public static final Field PASIDDIRPTR =
      Field.of("PASIDDIRPTR", 63, 12, "PASID directory; bits from HAW reserved");

  /** PASID of requests without PASID. */
  public static final Field RID_PASID =
      Field.of("RID_PASID", 83, 64, "PASID of requests without PASID; ignored unless ECAP.RPS");

  /** Privilege of requests without PASID. */
  public static final Field RID_PRIV =
      Field.bit("RID_PRIV", 84, "requests without PASID are privileged; ignored unless RPRIVS");

  /** The entry. */
  public static final Structure STRUCTURE =
      Structure.of(
          "Scalable-Mode Context Entry",
          "VT-d 9.4",
          4,
          P,
          FPD,
          DTE,
          PASIDE,
          PRE,
          PDTS,
          PASIDDIRPTR,
          RID_PASID,
          RID_PRIV);

  private ScalableContextEntry() {}
}
