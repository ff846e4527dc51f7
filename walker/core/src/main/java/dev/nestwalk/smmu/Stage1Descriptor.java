package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/**
 * VMSAv8-64 stage 1 descriptor (DDI 0487, D8.3): the fields of leaves, and in bits 63:59 those of
 * tables.
 */
public final class Stage1Descriptor {
  /** Below level 3: 01 block, 11 table. */
  public static final Field TYPE = Field.of("TYPE", 1, 0, "01 block, 11 table, else invalid");

  /** At level 3: 11 page. */
  public static final Field TYPE_AT_3 = Field.of("TYPE", 1, 0, "11 page, else invalid");

  /** Index of the memory attributes. */
  public static final Field ATTRINDX = Field.of("ATTRINDX", 4, 2, "index of the memory attributes");

  /** Secure only. */
  public static final Field NS = Field.bit("NS", 5, "secure only");

  /** Unprivileged access. */
  public static final Field AP1 =
      Field.bit("AP1", 6, "0: for privileged requests only; 1: for unprivileged ones too");

  /** Read-only. */
  public static final Field AP2 = Field.bit("AP2", 7, "0: writable; 1: read-only");

  /** Shareability; OA[51:50] with DS. */
  public static final Field SH = Field.of("SH", 9, 8, "shareability; OA[51:50] with DS");

  /** Access flag. */
  public static final Field AF = Field.bit("AF", 10, "access flag: 0 not used yet, 1 used");

  /** Not global. */
  public static final Field NG = Field.bit("NG", 11, "0: global; 1: of one ASID");

  /** Output address. */
  public static final Field ADDR = Field.of("ADDR", 49, 12, "output address");

  /** Dirty bit modifier. */
  public static final Field DBM = Field.bit("DBM", 51, "dirty bit modifier");

  /** Contiguous hint. */
  public static final Field CONTIGUOUS = Field.bit("CONTIGUOUS", 52, "contiguous hint");

  /** Privileged execute-never. */
  public static final Field PXN = Field.bit("PXN", 53, "privileged execute-never");

  /** Unprivileged execute-never. */
  public static final Field UXN = Field.bit("UXN", 54, "unprivileged execute-never");

  /** Table: privileged execute-never below. */
  public static final Field PXNTABLE =
      Field.bit("PXNTABLE", 59, "table: privileged execute-never below");

  /** Table: unprivileged execute-never below. */
  public static final Field UXNTABLE =
      Field.bit("UXNTABLE", 60, "table: unprivileged execute-never below");

  /** Table: 01 no unprivileged access, 10 no write below. */
  public static final Field APTABLE =
      Field.of("APTABLE", 62, 61, "table: 01 no unprivileged access, 10 no write below");

  /** Secure only. */
  public static final Field NSTABLE = Field.bit("NSTABLE", 63, "secure only");

  /** All of the fields, for decoding at levels where tables are possible. */
  public static final Structure STRUCTURE =
      Structure.of(
          "Stage 1 descriptor",
          "DDI 0487 D8.3",
          1,
          TYPE,
          ATTRINDX,
          NS,
          AP1,
          AP2,
          SH,
          AF,
          NG,
          ADDR,
          DBM,
          CONTIGUOUS,
          PXN,
          UXN,
          PXNTABLE,
          UXNTABLE,
          APTABLE,
          NSTABLE);

  /** All fields of a leaf, for decoding at level 3. */
  public static final Structure AT_LEVEL_3 =
      STRUCTURE
          .named("Stage 1 descriptor of level 3")
          .replacing(TYPE, TYPE_AT_3)
          .without(PXNTABLE, UXNTABLE, APTABLE, NSTABLE);

  /** Bit 16 of a block. */
  public static final Field NT = Field.bit("nT", 16, "block is being changed (IDR3.BBML)");

  /** Address of a block of 2 MiB, the 4K granule's at level 2. */
  public static final Field ADDR_2M =
      Field.of("ADDR", 49, 21, "output address; from bit 30 for 1G, 25 for 32M, 29 for 512M");

  /** Bit 50 of a leaf. */
  public static final Field GP = Field.bit("GP", 50, "guarded page, for processors only");

  /** The bits below its address that a table descriptor ignores. */
  public static final Field IGNORED_LOW = Field.of("ignored", 11, 2, "ignored");

  /** The bits above its address that a table descriptor ignores. */
  public static final Field IGNORED_HIGH = Field.of("ignored", 58, 51, "ignored");

  /** Next table. */
  public static final Field NEXT =
      Field.of("ADDR", 49, 12, "next table; from bit 14 for 16K, 16 for 64K granules");

  /** Address of a page. */
  public static final Field PAGE_ADDR =
      Field.of("ADDR", 49, 12, "output address; from bit 14 for 16K, 16 for 64K granules");

  /** Software bits of a leaf. */
  public static final Field SOFTWARE = Field.of("ignored", 58, 55, "ignored, for software");

  /** Page-based hardware attributes. */
  public static final Field PBHA = Field.of("PBHA", 62, 59, "page-based hardware attributes");

  /** A table, at levels below 3. */
  public static final Structure TABLE =
      Structure.of(
          "Stage 1 Table Descriptor",
          "DDI 0487 D8.3",
          1,
          TYPE,
          IGNORED_LOW,
          NEXT,
          IGNORED_HIGH,
          PXNTABLE,
          UXNTABLE,
          APTABLE,
          NSTABLE);

  /** A block, shown for 2 MiB. */
  public static final Structure BLOCK =
      Structure.of(
          "Stage 1 Block Descriptor",
          "DDI 0487 D8.3",
          1,
          TYPE,
          ATTRINDX,
          NS,
          AP1,
          AP2,
          SH,
          AF,
          NG,
          NT,
          ADDR_2M,
          GP,
          DBM,
          CONTIGUOUS,
          PXN,
          UXN,
          SOFTWARE,
          PBHA);

  /** A page, at level 3. */
  public static final Structure PAGE =
      BLOCK
          .named("Stage 1 Page Descriptor")
          .without(NT)
          .replacing(TYPE, TYPE_AT_3)
          .replacing(ADDR_2M, PAGE_ADDR);

  private Stage1Descriptor() {}
}
