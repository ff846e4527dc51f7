package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Global status register GSTS, offset 0x1C (VT-d 11.4.4). */
public final class GlobalStatus {
  /** Translation enable status. */
  public static final Field TES = Field.bit("TES", 31, "DMA remapping is on");

  /** Root table pointer status. */
  public static final Field RTPS = Field.bit("RTPS", 30, "RTADDR was taken over");

  /** Fault log status. */
  public static final Field FLS = Field.bit("FLS", 29, "the fault log pointer was taken over");

  /** Advanced fault logging status. */
  public static final Field AFLS = Field.bit("AFLS", 28, "advanced fault logging is on");

  /** Write buffer flush status. */
  public static final Field WBFS = Field.bit("WBFS", 27, "a write buffer flush is under way");

  /** Queued invalidation enable status. */
  public static final Field QIES = Field.bit("QIES", 26, "the invalidation queue is on");

  /** Interrupt remapping enable status. */
  public static final Field IRES = Field.bit("IRES", 25, "interrupt remapping is on");

  /** Interrupt remapping table pointer status. */
  public static final Field IRTPS = Field.bit("IRTPS", 24, "IRTA was taken over");

  /** Compatibility format interrupt status. */
  public static final Field CFIS = Field.bit("CFIS", 23, "compatibility interrupts pass");

  /** The register. */
  public static final Structure STRUCTURE =
      Structure.of("GSTS", "VT-d 11.4.4", 1, TES, RTPS, FLS, AFLS, WBFS, QIES, IRES, IRTPS, CFIS);

  private GlobalStatus() {}
}
