package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Protected memory enable register PMEN, offset 0x64 (VT-d 11.4.8). */
public final class ProtectedMemoryEnable {
  /** Protected region status. */
  public static final Field PRS = Field.bit("PRS", 0, "the protected regions are enforced");

  /** Enable protected memory. */
  public static final Field EPM = Field.bit("EPM", 31, "software asked for the protection");

  /** The register. */
  public static final Structure STRUCTURE = Structure.of("PMEN", "VT-d 11.4.8.1", 1, PRS, EPM);

  /** First address of the low protected region. */
  public static final Field LOW = Field.of("BASE", 31, 20, "first address of the low region");

  /** PLMBASE, offset 0x68; PLMLIMIT at 0x6C has the same field. */
  public static final Structure LOW_REGION = Structure.of("PLMBASE", "VT-d 11.4.8", 1, LOW);

  /** First address of the high protected region. */
  public static final Field HIGH = Field.of("BASE", 63, 20, "first address of the high region");

  /** PHMBASE, offset 0x70; PHMLIMIT at 0x78 has the same field. */
  public static final Structure HIGH_REGION = Structure.of("PHMBASE", "VT-d 11.4.8", 1, HIGH);

  private ProtectedMemoryEnable() {}
}
