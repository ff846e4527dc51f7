package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** VMSAv8-64 stage 2 descriptor (DDI 0487, D8.3). */
public final class Stage2Descriptor {
  /** Below level 3: 01 block, 11 table. */
  public static final Field TYPE = Field.of("TYPE", 1, 0, "01 block, 11 table, else invalid");

  /** At level 3: 11 page. */
  public static final Field TYPE_AT_3 = Field.of("TYPE", 1, 0, "11 page, else invalid");

  /** Memory type. */
  public static final Field MEMATTR = Field.of("MEMATTR", 5, 2, "memory type");

  /** Readable. */
  public static final Field S2AP0 = Field.bit("S2AP0", 6, "readable");

  /** Writable. */
  public static final Field S2AP1 = Field.bit("S2AP1", 7, "writable");

  /** Shareability; OA[51:50] with DS. */
  public static final Field SH = Field.of("SH", 9, 8, "shareability; OA[51:50] with DS");

  /** Access flag. */
  public static final Field AF = Field.bit("AF", 10, "access flag: 0 not used yet, 1 used");

  /** Output address. */
  public static final Field ADDR = Field.of("ADDR", 49, 12, "output address");

  /** Dirty bit modifier. */
  public static final Field DBM = Field.bit("DBM", 51, "dirty bit modifier");

  /** Contiguous hint. */
  public static final Field CONTIGUOUS = Field.bit("CONTIGUOUS", 52, "contiguous hint");

  /** Execute-never. */
  public static final Field XN = Field.of("XN", 54, 53, "execute-never");

  /** All of the fields, for decoding at levels where tables are possible. */
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

  /** All fields of a leaf, for decoding at level 3. */
  public static final Structure AT_LEVEL_3 =
      STRUCTURE.named("Stage 2 descriptor of level 3").replacing(TYPE, TYPE_AT_3);

  /** Bit 16 of a block. */
  public static final Field NT = Field.bit("nT", 16, "block is being changed (IDR3.BBML)");

  /** Bit 11 of a leaf. */
  public static final Field IGNORED_11 = Field.bit("ignored", 11, "ignored");

  /** Address of a block of 2 MiB, the 4K granule's at level 2. */
  public static final Field ADDR_2M =
      Field.of("ADDR", 49, 21, "output address; from bit 30 for 1G, 25 for 32M, 29 for 512M");

  /** Address of a page. */
  public static final Field PAGE_ADDR =
      Field.of("ADDR", 49, 12, "output address; from bit 14 for 16K, 16 for 64K granules");

  /** Next table. */
  public static final Field NEXT =
      Field.of("ADDR", 49, 12, "next table; from bit 14 for 16K, 16 for 64K granules");

  /** The bits below its address that a table descriptor ignores. */
  public static final Field IGNORED_LOW = Field.of("ignored", 11, 2, "ignored");

  /** The bits above its address that a table descriptor ignores. */
  public static final Field IGNORED_HIGH = Field.of("ignored", 63, 51, "ignored");

  /** Software bits of a leaf. */
  public static final Field SOFTWARE = Field.of("ignored", 58, 55, "ignored, for software");

  /** Page-based hardware attributes. */
  public static final Field PBHA = Field.of("PBHA", 62, 59, "page-based hardware attributes");

  /** A table, at levels below 3: it carries no rights. */
  public static final Structure TABLE =
      Structure.of(
          "Stage 2 Table Descriptor", "DDI 0487 D8.3", 1, TYPE, IGNORED_LOW, NEXT, IGNORED_HIGH);

  /** A block, shown for 2 MiB. */
  public static final Structure BLOCK =
      Structure.of(
          "Stage 2 Block Descriptor",
          "DDI 0487 D8.3",
          1,
          TYPE,
          MEMATTR,
          S2AP0,
          S2AP1,
          SH,
          AF,
          IGNORED_11,
          NT,
          ADDR_2M,
          DBM,
          CONTIGUOUS,
          XN,
          SOFTWARE,
          PBHA);

  /** A page, at level 3. */
  public static final Structure PAGE =
      BLOCK
          .named("Stage 2 Page Descriptor")
          .without(NT)
          .replacing(TYPE, TYPE_AT_3)
          .replacing(ADDR_2M, PAGE_ADDR);

  private Stage2Descriptor() {}
}
