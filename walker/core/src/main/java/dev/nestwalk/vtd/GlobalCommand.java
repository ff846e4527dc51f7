package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/**
 * Global command register GCMD, offset 0x18 (VT-d 11.4.4), write-only. Some bits are levels, which
 * keep the value that software wrote; others are one-shot commands.
 */
public final class GlobalCommand {
  /** Translation enable, a level. */
  public static final Field TE = Field.bit("TE", 31, "DMA remapping on");

  /** Set root table pointer, one-shot. */
  public static final Field SRTP = Field.bit("SRTP", 30, "take RTADDR over");

  /** Set fault log, one-shot. */
  public static final Field SFL = Field.bit("SFL", 29, "take the fault log pointer over");

  /** Enable advanced fault logging, a level. */
  public static final Field EAFL = Field.bit("EAFL", 28, "advanced fault logging on");

  /** Write buffer flush, one-shot. */
  public static final Field WBF = Field.bit("WBF", 27, "flush write buffers");

  /** Queued invalidation enable, a level. */
  public static final Field QIE = Field.bit("QIE", 26, "invalidation queue on");

  /** Interrupt remapping enable, a level. */
  public static final Field IRE = Field.bit("IRE", 25, "interrupt remapping on");

  /** Set interrupt remapping table pointer, one-shot. */
  public static final Field SIRTP = Field.bit("SIRTP", 24, "take IRTA over");

  /** Compatibility format interrupts, a level. */
  public static final Field CFI = Field.bit("CFI", 23, "compatibility interrupts pass");

  /** The register. */
  public static final Structure STRUCTURE =
      Structure.of("GCMD", "VT-d 11.4.4", 1, TE, SRTP, SFL, EAFL, WBF, QIE, IRE, SIRTP, CFI);

  private GlobalCommand() {}
}
