package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** PASID directory entry (VT-d 9.5), one per 64 PASIDs. */
public final class PasidDirectoryEntry {
  /** Present. */
  public static final Field P = Field.bit("P", 0, "present");

  /** Fault processing disable. */
  public static final Field FPD =
      Field.bit("FPD", 1, "qualified faults through this entry are not recorded");

  /** PASID table. */
  public static final Field SMPTBLPTR =
      Field.of("SMPTBLPTR", 63, 12, "PASID table; bits from HAW reserved");

  /** The entry. */
  public static final Structure STRUCTURE =
      Structure.of("PASID Directory Entry", "VT-d 9.5", 1, P, FPD, SMPTBLPTR);

  private PasidDirectoryEntry() {}
}
