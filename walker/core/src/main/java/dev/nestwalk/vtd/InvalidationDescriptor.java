package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Invalidation queue descriptors (VT-d 6.5.2). */
public final class InvalidationDescriptor {
  /** Type of a descriptor: context-cache. */
  public static final int CONTEXT = 1;

  /** Type of a descriptor: IOTLB. */
  public static final int IOTLB = 2;

  /** Type of a descriptor: device-TLB. */
  public static final int DEVICE_TLB = 3;

  /** Type of a descriptor: interrupt entry cache. */
  public static final int INTERRUPT_ENTRY = 4;

  /** Type of a descriptor: wait. */
  public static final int WAIT = 5;

  /** Type of a descriptor: PASID-based IOTLB. */
  public static final int PASID_IOTLB = 6;

  /** Type of a descriptor: PASID cache. */
  public static final int PASID_CACHE = 7;

  /** Type of a descriptor: PASID-based device-TLB. */
  public static final int PASID_DEVICE_TLB = 8;

  /** Type of a descriptor: page group response. */
  public static final int PAGE_GROUP_RESPONSE = 9;

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
  public static final Field IH =
      Field.bit("IH", 70, "0: entries of any level changed; 1: only leaves changed");

  /** First page. */
  public static final Field ADDR = Field.of("ADDR", 127, 76, "page address");

  /** Granularity of an interrupt entry cache invalidation. */
  public static final Field G_INDEX = Field.bit("G", 4, "0 all, 1 the indices from IIDX");

  /** Index mask. */
  public static final Field IM = Field.of("IM", 31, 27, "2^IM interrupt entries");

  /** First interrupt index. */
  public static final Field IIDX = Field.of("IIDX", 47, 32, "first interrupt entry");

  /** Interrupt on completion. */
  public static final Field IF = Field.bit("IF", 4, "raise the completion interrupt");

  /** Status write. */
  public static final Field SW = Field.bit("SW", 5, "write the status data when done");

  /** Fence. */
  public static final Field FN = Field.bit("FN", 6, "later descriptors wait");

  /** Page request drain. */
  public static final Field PD = Field.bit("PD", 7, "drain page requests");

  /** Status data. */
  public static final Field STATUS = Field.of("STATUS", 63, 32, "status data");

  /** Status address. */
  public static final Field STATUS_ADDRESS =
      Field.of("STATUS_ADDRESS", 127, 66, "where the status data goes, a multiple of 4");

  /** Invalidations that the device may have in flight. */
  public static final Field MIP = Field.of("MIP", 20, 16, "most invalidations pending");

  /** Most invalidations pending, in a device-TLB descriptor with PASID. */
  public static final Field MIP_PASID = Field.of("MIP", 8, 4, "most invalidations pending");

  /** Low part of the physical function's source id. */
  public static final Field PFSID_LOW =
      Field.of("PFSID_LOW", 15, 12, "source id of the physical function, bits 3:0");

  /** High part of the physical function's source id. */
  public static final Field PFSID_HIGH =
      Field.of("PFSID_HIGH", 63, 52, "source id of the physical function, bits 15:4");

  /** Source id in a descriptor with PASID. */
  public static final Field SID_LOW = Field.of("SID", 31, 16, "source id");

  /** Size of a device-TLB invalidation. */
  public static final Field S = Field.bit("S", 64, "0: a 4K page; 1: ADDR codes the size");

  /** Size of a device-TLB invalidation with PASID. */
  public static final Field S_PASID = Field.bit("S", 75, "0: a 4K page; 1: ADDR codes the size");

  /** Every PASID. */
  public static final Field G_PASID = Field.bit("G", 64, "of every PASID");

  /** Whether the response has a PASID. */
  public static final Field PP = Field.bit("PP", 4, "PASID present");

  /** Response code. */
  public static final Field RC =
      Field.of("RC", 15, 12, "0 success, 1 invalid request, 15 response failure");

  /** Last page of the group. */
  public static final Field LPIG = Field.bit("LPIG", 66, "last page of the group");

  /** Page request group. */
  public static final Field PRGI = Field.of("PRGI", 75, 67, "page request group");

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

  /** Device-TLB invalidate; concerns no cache of the unit. */
  public static final Structure DEVICE_TLB_INVALIDATE =
      Structure.of(
          "Device-TLB Invalidate Descriptor",
          "VT-d 6.5.2.5",
          2,
          TYPE,
          TYPE_HIGH,
          PFSID_LOW,
          MIP,
          SID,
          PFSID_HIGH,
          S,
          ADDR);

  /** PASID-based device-TLB invalidate; concerns no cache of the unit. */
  public static final Structure PASID_DEVICE_TLB_INVALIDATE =
      Structure.of(
          "PASID-based Device-TLB Invalidate Descriptor",
          "VT-d 6.5.2.6",
          2,
          TYPE,
          MIP_PASID,
          TYPE_HIGH,
          PFSID_LOW,
          SID_LOW,
          PASID,
          PFSID_HIGH,
          G_PASID,
          S_PASID,
          ADDR);

  /** Interrupt entry cache invalidate; concerns no translation. */
  public static final Structure INTERRUPT_ENTRY_INVALIDATE =
      Structure.of(
          "Interrupt Entry Cache Invalidate Descriptor",
          "VT-d 6.5.2.7",
          2,
          TYPE,
          G_INDEX,
          TYPE_HIGH,
          IM,
          IIDX);

  /** Invalidation wait. */
  public static final Structure WAIT_INVALIDATE =
      Structure.of(
          "Invalidation Wait Descriptor",
          "VT-d 6.5.2.8",
          2,
          TYPE,
          IF,
          SW,
          FN,
          PD,
          TYPE_HIGH,
          STATUS,
          STATUS_ADDRESS);

  /** Page group response: the answer to page requests. */
  public static final Structure PAGE_RESPONSE =
      Structure.of(
          "Page Group Response Descriptor",
          "VT-d 7.6.1",
          2,
          TYPE,
          PP,
          TYPE_HIGH,
          RC,
          SID_LOW,
          PASID,
          LPIG,
          PRGI);

  /** The whole type of a descriptor, out of its first word. */
  public static int type(long low) {
    return (int) (TYPE.get(low) | TYPE_HIGH.get(low) << 4);
  }

  private InvalidationDescriptor() {}
}
