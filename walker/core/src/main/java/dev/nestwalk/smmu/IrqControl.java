package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Interrupt control register (IHI 0070, 6.3.16); IRQ_CTRLACK has the same fields. */
public final class IrqControl {
  /** Global errors interrupt. */
  public static final Field GERROR_IRQEN = Field.bit("GERROR_IRQEN", 0, "global errors interrupt");

  /** The page request queue interrupts. */
  public static final Field PRIQ_IRQEN =
      Field.bit("PRIQ_IRQEN", 1, "the page request queue interrupts");

  /** The event queue interrupts. */
  public static final Field EVENTQ_IRQEN =
      Field.bit("EVENTQ_IRQEN", 2, "the event queue interrupts");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("IRQ_CTRL", "SMMUv3 6.3.16", 1, GERROR_IRQEN, PRIQ_IRQEN, EVENTQ_IRQEN);

  private IrqControl() {}
}
