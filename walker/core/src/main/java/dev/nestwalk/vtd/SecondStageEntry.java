package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/**
 * Second-stage paging entry (VT-d 9.8), in its forms. Levels are numbered as in that section: 5 is
 * PML5, 4 PML4, 3 page-directory-pointer, 2 page-directory, 1 page table. There is no present bit:
 * an entry without R and W (and without X, if execute rights are on) is not present.
 */
public final class SecondStageEntry {
  /** Read. */
  public static final Field R = Field.bit("R", 0, "readable");

  /** Write. */
  public static final Field W = Field.bit("W", 1, "writable");

  /** Execute. */
  public static final Field X =
      Field.bit("X", 2, "executable, with PASID entry SSEE; else ignored");

  /** Bits 6:3 of an entry that points to a table. */
  public static final Field IGNORED_LOW = Field.of("ignored", 6, 3, "ignored");

  /** Extended memory type. */
  public static final Field EMT = Field.of("EMT", 5, 3, "memory type; no effect on translation");

  /** Ignore PAT. */
  public static final Field IPAT = Field.bit("IPAT", 6, "memory type; no effect on translation");

  /** Page size. */
  public static final Field PS =
      Field.bit("PS", 7, "0: points to a table; 1: maps a page at this level");

  /** Bit 7 of a PTE. */
  public static final Field IGNORED_7 = Field.bit("ignored", 7, "ignored");

  /** Accessed. */
  public static final Field A = Field.bit("A", 8, "the entry was used, with SSADE; else ignored");

  /** Dirty. */
  public static final Field D = Field.bit("D", 9, "the page was written, with SSADE; else ignored");

  /** Bits 10:9 of an entry that points to a table. */
  public static final Field IGNORED_9 = Field.of("ignored", 10, 9, "ignored");

  /** Bit 10. */
  public static final Field IGNORED_10 = Field.bit("ignored", 10, "ignored");

  /** Snoop. */
  public static final Field SNP = Field.bit("SNP", 11, "snoop; reserved unless ECAP.SC");

  /** Next table or 4 KiB page. */
  public static final Field ADDR = Field.of("ADDR", 51, 12, "address; bits from HAW reserved");

  /** 2 MiB page. */
  public static final Field ADDR_2M = Field.of("ADDR", 51, 21, "2 MiB page");

  /** 1 GiB page. */
  public static final Field ADDR_1G = Field.of("ADDR", 51, 30, "1 GiB page");

  /** Bits 61:52. */
  public static final Field IGNORED_HIGH = Field.of("ignored", 61, 52, "ignored");

  /** Bit 63. */
  public static final Field IGNORED_63 = Field.bit("ignored", 63, "ignored");

  /** PML5E or PML4E, where PS is reserved. */
  public static final Structure TOP =
      Structure.of(
          "Second-Stage PML5E/PML4E",
          "VT-d 9.8",
          1,
          R,
          W,
          X,
          IGNORED_LOW,
          A,
          IGNORED_9,
          ADDR,
          IGNORED_HIGH,
          IGNORED_63);

  /** PDPE or PDE that points to a table. */
  public static final Structure TABLE =
      Structure.of(
          "Second-Stage PDPE/PDE (table)",
          "VT-d 9.8",
          1,
          R,
          W,
          X,
          IGNORED_LOW,
          PS,
          A,
          IGNORED_9,
          ADDR,
          IGNORED_HIGH,
          IGNORED_63);

  /** PDE of a 2 MiB page. */
  public static final Structure PAGE_2M = leaf("Second-Stage PDE (2 MiB page)", PS, ADDR_2M);

  /** PDPE of a 1 GiB page. */
  public static final Structure PAGE_1G = leaf("Second-Stage PDPE (1 GiB page)", PS, ADDR_1G);

  /** PTE of a 4 KiB page. */
  public static final Structure PAGE_4K = leaf("Second-Stage PTE", IGNORED_7, ADDR);

  private static Structure leaf(String name, Field bit7, Field address) {
    return Structure.of(
        name,
        "VT-d 9.8",
        1,
        R,
        W,
        X,
        EMT,
        IPAT,
        bit7,
        A,
        D,
        IGNORED_10,
        SNP,
        address,
        IGNORED_HIGH,
        IGNORED_63);
  }

  private SecondStageEntry() {}
}
