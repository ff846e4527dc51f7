package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Root table address register RTADDR, offset 0x20 (VT-d 11.4.5). */
public final class RootTableAddress {
  /** Legacy mode. */
  public static final int TTM_LEGACY = 0;

  /** Scalable mode. */
  public static final int TTM_SCALABLE = 1;

  /** Abort-DMA mode. */
  public static final int TTM_ABORT = 3;

  /** Translation table mode. */
  public static final Field TTM =
      Field.of("TTM", 11, 10, "00 legacy, 01 scalable, 10 reserved, 11 abort-DMA");

  /** Root table. */
  public static final Field RTA = Field.of("RTA", 63, 12, "root table, 4 KiB aligned");

  /** The register. */
  public static final Structure STRUCTURE = Structure.of("RTADDR", "VT-d 11.4.5", 1, TTM, RTA);

  private RootTableAddress() {}
}
