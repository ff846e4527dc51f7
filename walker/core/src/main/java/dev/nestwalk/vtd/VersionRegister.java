package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Version register VER, offset 0x00 (VT-d 11.4.1). */
public final class VersionRegister {
  /** Minor version. */
  public static final Field MIN = Field.of("MIN", 3, 0, "minor version");

  /** Major version. */
  public static final Field MAX =
      Field.of("MAX", 7, 4, "major version; from 6 on there is no invalidation by registers");

  /** The register. */
  public static final Structure STRUCTURE = Structure.of("VER", "VT-d 11.4.1", 1, MIN, MAX);

  private VersionRegister() {}
}
