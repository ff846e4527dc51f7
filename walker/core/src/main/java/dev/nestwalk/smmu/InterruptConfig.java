package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Destination of an interrupt (IHI 0070, 6.3.21 to 6.3.23): three registers per source. */
public final class InterruptConfig {
  /** Address of the message. */
  public static final Field ADDR = Field.of("ADDR", 51, 2, "where the message goes; 0 for a wire");

  /** Data of the message. */
  public static final Field DATA = Field.of("DATA", 31, 0, "data of the message");

  /** Memory type of the message. */
  public static final Field MEMATTR = Field.of("MEMATTR", 3, 0, "memory type of the message");

  /** Shareability of the message. */
  public static final Field SH = Field.of("SH", 5, 4, "shareability of the message");

  /** The page request queue interrupts at the last request of a group. */
  public static final Field LO =
      Field.bit("LO", 31, "PRIQ only: interrupt for the last request of a group alone");

  /** GERROR_IRQ_CFG0; EVENTQ_IRQ_CFG0 and PRIQ_IRQ_CFG0 have the same fields. */
  public static final Structure CFG0 = Structure.of("GERROR_IRQ_CFG0", "SMMUv3 6.3.21", 1, ADDR);

  /** GERROR_IRQ_CFG1; EVENTQ_IRQ_CFG1 and PRIQ_IRQ_CFG1 have the same fields. */
  public static final Structure CFG1 = Structure.of("GERROR_IRQ_CFG1", "SMMUv3 6.3.22", 1, DATA);

  /** GERROR_IRQ_CFG2; EVENTQ_IRQ_CFG2 has the same fields. */
  public static final Structure CFG2 =
      Structure.of("GERROR_IRQ_CFG2", "SMMUv3 6.3.23", 1, MEMATTR, SH);

  /** PRIQ_IRQ_CFG2. */
  public static final Structure PRIQ_CFG2 =
      Structure.of("PRIQ_IRQ_CFG2", "SMMUv3 6.3.36", 1, MEMATTR, SH, LO);

  private InterruptConfig() {}
}
