package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Capability register, offset 0x08 (VT-d 11.4.2). */
public final class Cap {
  /** Domain-id width. */
  public static final Field ND = Field.of("ND", 2, 0, "domain-id width is 4 + 2*ND bits");

  /** Advanced fault logging. */
  public static final Field AFL = Field.bit("AFL", 3, "advanced fault logging");

  /** Write-buffer flushing. */
  public static final Field RWBF =
      Field.bit("RWBF", 4, "software flushes write buffers (GCMD.WBF) after changes");

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

  /** Place of the fault recording registers. */
  public static final Field FRO =
      Field.of("FRO", 33, 24, "fault recording registers are at offset 16 * FRO");

  /** Second-stage large pages. */
  public static final Field SSLPS =
      Field.of("SSLPS", 37, 34, "second-stage large pages: bit 0 2 MiB, bit 1 1 GiB");

  /** Page-selective invalidation. */
  public static final Field PSI = Field.bit("PSI", 39, "page-selective IOTLB invalidation");

  /** Number of fault recording registers. */
  public static final Field NFR =
      Field.of("NFR", 47, 40, "there are NFR + 1 fault recording registers");

  /** Maximum address mask of a page-selective invalidation. */
  public static final Field MAMV = Field.of("MAMV", 53, 48, "largest address mask of PSI");

  /** Write draining. */
  public static final Field DWD =
      Field.bit("DWD", 54, "invalidations can wait for writes in flight");

  /** Read draining. */
  public static final Field DRD =
      Field.bit("DRD", 55, "invalidations can wait for reads in flight");

  /** First-stage 1 GiB pages. */
  public static final Field FS1GP = Field.bit("FS1GP", 56, "first-stage 1 GiB pages");

  /** First-stage five-level paging. */
  public static final Field FS5LP = Field.bit("FS5LP", 60, "first-stage 5-level paging");

  /** Enhanced set interrupt table pointer. */
  public static final Field ESIRTPS =
      Field.bit("ESIRTPS", 62, "GCMD.SIRTP also empties the interrupt entry cache");

  /** Enhanced set root table pointer. */
  public static final Field ESRTPS =
      Field.bit("ESRTPS", 63, "GCMD.SRTP also empties all translation caches");

  /** The register; other fields are of features that no unit here has. */
  public static final Structure STRUCTURE =
      Structure.of(
          "CAP",
          "VT-d 11.4.2",
          1,
          ND,
          AFL,
          RWBF,
          PLMR,
          PHMR,
          CM,
          SAGAW,
          MGAW,
          ZLR,
          FRO,
          SSLPS,
          PSI,
          NFR,
          MAMV,
          DWD,
          DRD,
          FS1GP,
          FS5LP,
          ESIRTPS,
          ESRTPS);

  private Cap() {}
}
