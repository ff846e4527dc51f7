package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Level 1 stream table descriptor (IHI 0070, 5.1), 8 bytes. */
public final class L1StreamDescriptor {
  /** 0 no leaf, 1 to 11: a leaf of 2^(Span-1) STEs. */
  public static final Field SPAN =
      Field.of("SPAN", 4, 0, "0: no leaf; 1 to 11: a leaf of 2^(SPAN-1) STEs; else reserved");

  /** Leaf table, aligned to its size. */
  public static final Field L2PTR = Field.of("L2PTR", 51, 6, "leaf table, aligned to its size");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE = Structure.of("L1STD", "SMMUv3 5.1", 1, SPAN, L2PTR);

  private L1StreamDescriptor() {}
}
