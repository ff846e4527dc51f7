package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Level 1 CD table descriptor (IHI 0070, 5.3), 8 bytes. */
public final class L1ContextDescriptor {
  /** Valid. */
  public static final Field V = Field.bit("V", 0, "valid");

  /** Leaf table; an IPA when nested. */
  public static final Field L2PTR = Field.of("L2PTR", 51, 12, "leaf table; an IPA when nested");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE = Structure.of("L1CD", "SMMUv3 5.3", 1, V, L2PTR);

  private L1ContextDescriptor() {}
}
