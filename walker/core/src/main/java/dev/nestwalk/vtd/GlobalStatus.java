package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Global status register GSTS, offset 0x1C (VT-d 11.4.4): the field that changes a walk. */
public final class GlobalStatus {
  /** Translation enable status. */
  public static final Field TES = Field.bit("TES", 31, "DMA remapping is on");

  /** The register. */
  public static final Structure STRUCTURE = Structure.of("GSTS", "VT-d 11.4.4", 1, TES);

  private GlobalStatus() {}
}
