package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Stream table configuration (IHI 0070, 6.3.25). */
public final class StreamTableConfig {
  /** StreamID bits that the table covers. */
  public static final Field LOG2SIZE =
      Field.of("LOG2SIZE", 5, 0, "StreamID bits that the table covers");

  /** StreamID bits of a leaf: 6, 8, 10. */
  public static final Field SPLIT = Field.of("SPLIT", 10, 6, "StreamID bits of a leaf: 6, 8, 10");

  /** 0 linear, 1 two-level. */
  public static final Field FMT = Field.of("FMT", 17, 16, "0 linear, 1 two-level");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("STRTAB_BASE_CFG", "SMMUv3 6.3.25", 1, LOG2SIZE, SPLIT, FMT);

  private StreamTableConfig() {}
}
