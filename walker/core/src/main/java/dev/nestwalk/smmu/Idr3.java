package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Identification register 3 (IHI 0070, 6.3.4). */
public final class Idr3 {
  /** Hierarchical attributes can be off. */
  public static final Field HAD = Field.bit("HAD", 2, "hierarchical attributes can be off");

  /** Stage 2 execute-never has two bits. */
  public static final Field XNX = Field.bit("XNX", 4, "stage 2 execute-never has two bits");

  /** Automatic page responses carry the PASID of the request. */
  public static final Field PPS =
      Field.bit("PPS", 5, "automatic page responses carry the request's PASID");

  /** MPAM. */
  public static final Field MPAM = Field.bit("MPAM", 7, "memory partitioning and monitoring");

  /** Stage 2 forced write-back. */
  public static final Field FWB = Field.bit("FWB", 8, "stage 2 forced write-back");

  /** Small tables. */
  public static final Field STT = Field.bit("STT", 9, "small tables");

  /** Range invalidation. */
  public static final Field RIL = Field.bit("RIL", 10, "range invalidation");

  /** E0PD in CDs. */
  public static final Field E0PD = Field.bit("E0PD", 13, "E0PD in CDs");

  /** Device memory met by walks is Normal non-cacheable. */
  public static final Field PTWNNC =
      Field.bit("PTWNNC", 14, "Device memory met by walks is Normal non-cacheable");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("IDR3", "SMMUv3 6.3.4", 1, HAD, XNX, PPS, MPAM, FWB, STT, RIL, E0PD, PTWNNC);

  private Idr3() {}
}
