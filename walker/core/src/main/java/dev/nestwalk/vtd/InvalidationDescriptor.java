package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Invalidation queue descriptors that concern translations (VT-d 6.5.2). */
public final class InvalidationDescriptor {
  static final int CONTEXT = 1;
  static final int IOTLB = 2;
  static final int DEVICE_TLB = 3;
  static final int INTERRUPT_ENTRY = 4;
  static final int WAIT = 5;
  static final int PASID_IOTLB = 6;
  static final int PASID_CACHE = 7;
  static final int PASID_DEVICE_TLB = 8;
  static final int PAGE_GROUP_RESPONSE = 9;

  /** Low part of the type. */
  public static final Field TYPE = Field.of("TYPE", 3, 0, "descriptor type, bits 3:0");

  /** Granularity. */
  public static final Field G = Field.of("G", 5, 4, "granularity");

  /** Drain writes. */
  public static final Field DW = Field.bit("DW", 6, "drain writes");

  /** Drain reads. */
  public static final Field DR = Field.bit("DR", 7, "drain reads");

  /** High part of the type. */
  public static final Field TYPE_HIGH = Field.of("TYPE_HIGH", 11, 9, "descriptor type, bits 6:4");

  /** Domain id. */
  public static final Field DID = Field.of("DID", 31, 16, "domain id");

  /** Source id. */
  public static final Field SID = Field.of("SID", 47, 32, "source id");

  /** Function mask. */
  public static final Field FM = Field.of("FM", 49, 48, "function bits that do not count");

  /** PASID. */
  public static final Field PASID = Field.of("PASID", 51, 32, "PASID");

  /** Address mask. */
  public static final Field AM = Field.of("AM", 69, 64, "2^AM pages");

  /** Invalidation hint. */
  public static final Field IH = Field.bit("IH", 70, "1: only leaves changed");

  /** First page. */
  public static final Field ADDR = Field.of("ADDR", 127, 76, "page address");

  /** Context-cache invalidate. */
  public static final Structure CONTEXT_CACHE =
      Structure.of(
          "Context-cache Invalidate Descriptor",
          "VT-d 6.5.2.1",
          2,
          TYPE,
          G,
          TYPE_HIGH,
          DID,
          SID,
          FM);

  /** IOTLB invalidate. */
  public static final Structure IOTLB_INVALIDATE =
      Structure.of(
          "IOTLB Invalidate Descriptor",
          "VT-d 6.5.2.3",
          2,
          TYPE,
          G,
          DW,
          DR,
          TYPE_HIGH,
          DID,
          AM,
          IH,
          ADDR);

  /** PASID-based IOTLB invalidate. */
  public static final Structure PASID_IOTLB_INVALIDATE =
      Structure.of(
          "PASID-based IOTLB Invalidate Descriptor",
          "VT-d 6.5.2.4",
          2,
          TYPE,
          G,
          TYPE_HIGH,
          DID,
          PASID,
          AM,
          IH,
          ADDR);

  /** PASID-cache invalidate. */
  public static final Structure PASID_CACHE_INVALIDATE =
      Structure.of(
          "PASID-cache Invalidate Descriptor", "VT-d 6.5.2.2", 2, TYPE, G, TYPE_HIGH, DID, PASID);

  /** The whole type of a descriptor. */
  static int type(long low) {
    return (int) (TYPE.get(low) | TYPE_HIGH.get(low) << 4);
  }

  private InvalidationDescriptor() {}
}
