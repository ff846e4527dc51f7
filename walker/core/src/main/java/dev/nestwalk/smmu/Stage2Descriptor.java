package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** VMSAv8-64 stage 2 descriptor (DDI 0487, D8.3). */
public final class Stage2Descriptor {
  /** 01 block, 11 table or page. */
  public static final Field TYPE = Field.of("TYPE", 1, 0, "01 block, 11 table or page");

  /** Memory type. */
  public static final Field MEMATTR = Field.of("MEMATTR", 5, 2, "memory type");

  /** Readable. */
  public static final Field S2AP0 = Field.bit("S2AP0", 6, "readable");

  /** Writable. */
  public static final Field S2AP1 = Field.bit("S2AP1", 7, "writable");

  /** Shareability; OA[51:50] with DS. */
  public static final Field SH = Field.of("SH", 9, 8, "shareability; OA[51:50] with DS");

  /** Access flag. */
  public static final Field AF = Field.bit("AF", 10, "access flag");

  /** Output address. */
  public static final Field ADDR = Field.of("ADDR", 49, 12, "output address");

  /** Dirty bit modifier. */
  public static final Field DBM = Field.bit("DBM", 51, "dirty bit modifier");

  /** Contiguous hint. */
  public static final Field CONTIGUOUS = Field.bit("CONTIGUOUS", 52, "contiguous hint");

  /** Execute-never. */
  public static final Field XN = Field.of("XN", 54, 53, "execute-never");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "Stage 2 descriptor",
          "DDI 0487 D8.3",
          1,
          TYPE,
          MEMATTR,
          S2AP0,
          S2AP1,
          SH,
          AF,
          ADDR,
          DBM,
          CONTIGUOUS,
          XN);

  private Stage2Descriptor() {}
}
