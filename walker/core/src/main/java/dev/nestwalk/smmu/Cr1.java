package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Control register 1 (IHI 0070, 6.3.11): attributes of the SMMU's own reads and writes. */
public final class Cr1 {
  /** Queues, inner cacheability. */
  public static final Field QUEUE_IC =
      Field.of(
          "QUEUE_IC", 1, 0, "queues, inner cacheability: 0 none, 1 write-back, 2 write-through");

  /** Queues, outer cacheability. */
  public static final Field QUEUE_OC = Field.of("QUEUE_OC", 3, 2, "queues, outer cacheability");

  /** Queues, shareability. */
  public static final Field QUEUE_SH =
      Field.of("QUEUE_SH", 5, 4, "queues, shareability: 0 none, 2 outer, 3 inner");

  /** Stream table, inner cacheability. */
  public static final Field TABLE_IC =
      Field.of("TABLE_IC", 7, 6, "stream table, inner cacheability");

  /** Stream table, outer cacheability. */
  public static final Field TABLE_OC =
      Field.of("TABLE_OC", 9, 8, "stream table, outer cacheability");

  /** Stream table, shareability. */
  public static final Field TABLE_SH = Field.of("TABLE_SH", 11, 10, "stream table, shareability");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "CR1", "SMMUv3 6.3.11", 1, QUEUE_IC, QUEUE_OC, QUEUE_SH, TABLE_IC, TABLE_OC, TABLE_SH);

  private Cr1() {}
}
