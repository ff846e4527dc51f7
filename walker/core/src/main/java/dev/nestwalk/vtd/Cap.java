package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Capability register, offset 0x08 (VT-d 11.4.2): the fields that change a walk. */
public final class Cap {
  /** Domain-id width. */
  public static final Field ND = Field.of("ND", 2, 0, "domain-id width is 4 + 2*ND bits");

  /** Protected low memory region. */
  public static final Field PLMR = Field.bit("PLMR", 5, "protected low memory region present");

  /** Protected high memory region. */
  public static final Field PHMR = Field.bit("PHMR", 6, "protected high memory region present");

  /** Caching mode. */
  public static final Field CM = Field.bit("CM", 7, "not-present entries may be cached");

  /** Supported second-stage widths. */
  public static final Field SAGAW =
      Field.of("SAGAW", 12, 8, "second-stage widths: bit 1 39-bit, bit 2 48-bit, bit 3 57-bit");

  /** Maximum guest address width. */
  public static final Field MGAW = Field.of("MGAW", 21, 16, "input addresses have MGAW + 1 bits");

  /** Zero-length reads. */
  public static final Field ZLR =
      Field.bit("ZLR", 22, "zero-length reads of write-only pages succeed");

  /** Second-stage large pages. */
  public static final Field SSLPS =
      Field.of("SSLPS", 37, 34, "second-stage large pages: bit 0 2 MiB, bit 1 1 GiB");

  /** Page-selective invalidation. */
  public static final Field PSI = Field.bit("PSI", 39, "page-selective IOTLB invalidation");

  /** Maximum address mask of a page-selective invalidation. */
  public static final Field MAMV = Field.of("MAMV", 53, 48, "largest address mask of PSI");

  /** First-stage 1 GiB pages. */
  public static final Field FS1GP = Field.bit("FS1GP", 56, "first-stage 1 GiB pages");

  /** First-stage five-level paging. */
  public static final Field FS5LP = Field.bit("FS5LP", 60, "first-stage 5-level paging");

  /** The register; other fields change no translation and are not named here. */
  public static final Structure STRUCTURE =
      Structure.of(
          "CAP",
          "VT-d 11.4.2",
          1,
          ND,
          PLMR,
          PHMR,
          CM,
          SAGAW,
          MGAW,
          ZLR,
          SSLPS,
          PSI,
          MAMV,
          FS1GP,
          FS5LP);

  private Cap() {}
}
