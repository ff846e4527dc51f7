package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Control register 2 (IHI 0070, 6.3.12). */
public final class Cr2 {
  /** EL2 streams use EL2-E2H. */
  public static final Field E2H = Field.bit("E2H", 0, "EL2 streams use EL2-E2H");

  /** C_BAD_STREAMID is recorded. */
  public static final Field RECINVSID = Field.bit("RECINVSID", 1, "C_BAD_STREAMID is recorded");

  /** Broadcast invalidations are ignored. */
  public static final Field PTM =
      Field.bit("PTM", 2, "invalidations that processors broadcast are ignored");

  /** Configuration errors of ATS requests are recorded. */
  public static final Field REC_CFG_ATS =
      Field.bit("REC_CFG_ATS", 3, "configuration errors of ATS requests are recorded");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("CR2", "SMMUv3 6.3.12", 1, E2H, RECINVSID, PTM, REC_CFG_ATS);

  private Cr2() {}
}
