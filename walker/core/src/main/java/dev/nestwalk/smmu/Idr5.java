package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Identification register 5 (IHI 0070, 6.3.6). */
public final class Idr5 {
  /** Output size: 0 32, 1 36, 2 40, 3 42, 4 44, 5 48, 6 52 bits. */
  public static final Field OAS =
      Field.of(
          "OAS",
          2,
          0,
          "output size: 0 32 bits, 1 36 bits, 2 40 bits, 3 42 bits, 4 44 bits, 5 48 bits, 6 52"
              + " bits");

  /** 4K granule. */
  public static final Field GRAN4K = Field.bit("GRAN4K", 4, "4K granule");

  /** 16K granule. */
  public static final Field GRAN16K = Field.bit("GRAN16K", 5, "16K granule");

  /** 64K granule. */
  public static final Field GRAN64K = Field.bit("GRAN64K", 6, "64K granule");

  /** 52-bit descriptors with 4K and 16K. */
  public static final Field DS = Field.bit("DS", 7, "52-bit descriptors with 4K and 16K");

  /** 1: 52-bit virtual addresses. */
  public static final Field VAX =
      Field.of("VAX", 11, 10, "virtual addresses: 0 48 bits, 1 52 bits");

  /** Most stalled transactions. */
  public static final Field STALL_MAX =
      Field.of("STALL_MAX", 31, 16, "how many transactions may be stalled at once");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("IDR5", "SMMUv3 6.3.6", 1, OAS, GRAN4K, GRAN16K, GRAN64K, DS, VAX, STALL_MAX);

  private Idr5() {}
}
