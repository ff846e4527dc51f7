package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Global bypass attributes (IHI 0070, 6.3.15). */
public final class Gbpa {
  /** Memory type. */
  public static final Field MEMATTR = Field.of("MEMATTR", 3, 0, "memory type");

  /** Replace the memory type. */
  public static final Field MTCFG = Field.bit("MTCFG", 4, "replace the memory type");

  /** Allocation hints. */
  public static final Field ALLOCCFG = Field.of("ALLOCCFG", 11, 8, "allocation hints");

  /** Shareability. */
  public static final Field SHCFG = Field.of("SHCFG", 13, 12, "shareability");

  /** Privilege. */
  public static final Field PRIVCFG = Field.of("PRIVCFG", 17, 16, "privilege");

  /** Instruction or data. */
  public static final Field INSTCFG = Field.of("INSTCFG", 19, 18, "instruction or data");

  /** Abort everything while translation is off. */
  public static final Field ABORT =
      Field.bit("ABORT", 20, "abort everything while translation is off");

  /** The write takes effect. */
  public static final Field UPDATE =
      Field.bit("UPDATE", 31, "written 1 to change the register; reads 0 when it has changed");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "GBPA",
          "SMMUv3 6.3.15",
          1,
          MEMATTR,
          MTCFG,
          ALLOCCFG,
          SHCFG,
          PRIVCFG,
          INSTCFG,
          ABORT,
          UPDATE);

  private Gbpa() {}
}
