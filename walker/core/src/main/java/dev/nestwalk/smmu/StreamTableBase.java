package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Stream table base (IHI 0070, 6.3.24). */
public final class StreamTableBase {
  /** Stream table. */
  public static final Field ADDR = Field.of("ADDR", 51, 6, "stream table");

  /** Read-allocate hint. */
  public static final Field RA = Field.bit("RA", 62, "read-allocate hint");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("STRTAB_BASE", "SMMUv3 6.3.24", 1, ADDR, RA);

  private StreamTableBase() {}
}
