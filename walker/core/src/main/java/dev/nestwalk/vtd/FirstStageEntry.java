package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/**
 * First-stage paging entry (VT-d 9.7), in its four forms. Levels are numbered as in that section: 5
 * is PML5, 4 PML4, 3 page-directory-pointer, 2 page-directory, 1 page table.
 */
public final class FirstStageEntry {
  /** Present. */
  public static final Field P = Field.bit("P", 0, "present");

  /** Read/write. */
  public static final Field RW = Field.bit("R/W", 1, "writable");

  /** User/supervisor. */
  public static final Field US =
      Field.bit("U/S", 2, "0: for supervisor requests only; 1: for user requests too");

  /** Page-level write-through. */
  public static final Field PWT = Field.bit("PWT", 3, "memory type; no effect on translation");

  /** Page-level cache disable. */
  public static final Field PCD = Field.bit("PCD", 4, "memory type; no effect on translation");

  /** Accessed. */
  public static final Field A = Field.bit("A", 5, "the entry was used");

  /** Bit 6 of an entry that points to a table. */
  public static final Field IGNORED_6 = Field.bit("ignored", 6, "ignored");

  /** Dirty. */
  public static final Field D = Field.bit("D", 6, "the page was written");

  /** Page size. */
  public static final Field PS =
      Field.bit("PS", 7, "0: points to a table; 1: maps a page at this level");

  /** Page attribute bit of a 4 KiB page. */
  public static final Field PAT = Field.bit("PAT", 7, "memory type; no effect on translation");

  /** Global. */
  public static final Field G = Field.of("G", 9, 8, "global and software bits, ignored");

  /** Extended accessed. */
  public static final Field EA = Field.bit("EA", 10, "used by a device, with PASID entry EAFE");

  /** Bit 11. */
  public static final Field IGNORED_11 = Field.bit("ignored", 11, "ignored");

  /** Page attribute bit of a large page. */
  public static final Field PAT_LARGE = Field.bit("PAT", 12, "memory type of a large page");

  /** Next table or 4 KiB page. */
  public static final Field ADDR = Field.of("ADDR", 51, 12, "address; bits from HAW reserved");

  /** 2 MiB page. */
  public static final Field ADDR_2M = Field.of("ADDR", 51, 21, "2 MiB page");

  /** 1 GiB page. */
  public static final Field ADDR_1G = Field.of("ADDR", 51, 30, "1 GiB page");

  /** Bits 62:52. */
  public static final Field IGNORED_HIGH = Field.of("ignored", 62, 52, "ignored");

  /** Execute disable. */
  public static final Field XD =
      Field.bit("XD", 63, "not executable with NXE; reserved with ERS and NXE=0, else ignored");

  /** PML5E or PML4E, where PS is reserved. */
  public static final Structure TOP =
      Structure.of(
          "First-Stage PML5E/PML4E",
          "VT-d 9.7",
          1,
          P,
          RW,
          US,
          PWT,
          PCD,
          A,
          IGNORED_6,
          G,
          EA,
          IGNORED_11,
          ADDR,
          IGNORED_HIGH,
          XD);

  /** PDPE or PDE that points to a table. */
  public static final Structure TABLE =
      Structure.of(
          "First-Stage PDPE/PDE (table)",
          "VT-d 9.7",
          1,
          P,
          RW,
          US,
          PWT,
          PCD,
          A,
          IGNORED_6,
          PS,
          G,
          EA,
          IGNORED_11,
          ADDR,
          IGNORED_HIGH,
          XD);

  /** PDE of a 2 MiB page. */
  public static final Structure PAGE_2M = large("First-Stage PDE (2 MiB page)", ADDR_2M);

  /** PDPE of a 1 GiB page. */
  public static final Structure PAGE_1G = large("First-Stage PDPE (1 GiB page)", ADDR_1G);

  /** PTE of a 4 KiB page. */
  public static final Structure PAGE_4K =
      Structure.of(
          "First-Stage PTE",
          "VT-d 9.7",
          1,
          P,
          RW,
          US,
          PWT,
          PCD,
          A,
          D,
          PAT,
          G,
          EA,
          IGNORED_11,
          ADDR,
          IGNORED_HIGH,
          XD);

  private static Structure large(String name, Field address) {
    return Structure.of(
        name,
        "VT-d 9.7",
        1,
        P,
        RW,
        US,
        PWT,
        PCD,
        A,
        D,
        PS,
        G,
        EA,
        IGNORED_11,
        PAT_LARGE,
        address,
        IGNORED_HIGH,
        XD);
  }

  private FirstStageEntry() {}
}
