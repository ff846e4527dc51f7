package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** The registers that invalidate without a queue: CCMD, IVA and IOTLB (VT-d 11.4.6). */
public final class RegisterInvalidation {
  /** Domain id of a context-cache invalidation. */
  public static final Field DID = Field.of("DID", 15, 0, "domain id");

  /** Source id of a context-cache invalidation; reads as 0. */
  public static final Field SID = Field.of("SID", 31, 16, "source id");

  /** Function mask of a context-cache invalidation; reads as 0. */
  public static final Field FM = Field.of("FM", 33, 32, "function bits that do not count");

  /** Granularity that was carried out. */
  public static final Field CAIG =
      Field.of("CAIG", 60, 59, "what was done: 0 nothing, else as CIRG");

  /** Granularity requested. */
  public static final Field CIRG = Field.of("CIRG", 62, 61, "1 global, 2 domain, 3 device");

  /** Go. */
  public static final Field ICC = Field.bit("ICC", 63, "written 1 to begin; 0 when done");

  /** Context command register CCMD, offset 0x28. */
  public static final Structure CONTEXT =
      Structure.of("CCMD", "VT-d 11.4.6", 1, DID, SID, FM, CAIG, CIRG, ICC);

  /** Address mask. */
  public static final Field AM = Field.of("AM", 5, 0, "2^AM pages");

  /** Invalidation hint. */
  public static final Field IH =
      Field.bit("IH", 6, "0: entries of any level changed; 1: only leaves changed");

  /** First page. */
  public static final Field ADDR = Field.of("ADDR", 63, 12, "page address");

  /** Invalidate address register IVA, offset 16 * ECAP.IRO; reads as 0. */
  public static final Structure ADDRESS = Structure.of("IVA", "VT-d 11.4.6", 1, AM, IH, ADDR);

  /** Domain id of an IOTLB invalidation. */
  public static final Field IOTLB_DID = Field.of("DID", 47, 32, "domain id");

  /** Drain writes. */
  public static final Field DW = Field.bit("DW", 48, "drain writes");

  /** Drain reads. */
  public static final Field DR = Field.bit("DR", 49, "drain reads");

  /** Granularity that was carried out. */
  public static final Field IAIG =
      Field.of("IAIG", 58, 57, "what was done: 0 nothing, else as IIRG");

  /** Granularity requested. */
  public static final Field IIRG = Field.of("IIRG", 61, 60, "1 global, 2 domain, 3 pages of IVA");

  /** Go. */
  public static final Field IVT = Field.bit("IVT", 63, "written 1 to begin; 0 when done");

  /** IOTLB invalidate register, offset 16 * ECAP.IRO + 8. */
  public static final Structure IOTLB =
      Structure.of("IOTLB", "VT-d 11.4.6", 1, IOTLB_DID, DW, DR, IAIG, IIRG, IVT);

  private RegisterInvalidation() {}
}
