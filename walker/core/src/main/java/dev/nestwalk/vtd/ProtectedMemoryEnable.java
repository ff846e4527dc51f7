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

  private ProtectedMemoryEnable() {}
}
