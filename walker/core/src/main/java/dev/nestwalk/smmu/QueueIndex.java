package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/**
 * Indices of the queues (IHI 0070, 3.5, 6.3.27 to 6.3.35): the entry number, with a wrap bit above
 * it.
 */
public final class QueueIndex {
  /** Next entry, and the wrap bit above. */
  public static final Field INDEX =
      Field.of("INDEX", 19, 0, "index of the next entry; the wrap bit lies above the bits in use");

  /** Why the command queue stopped. */
  public static final Field ERR =
      Field.of("ERR", 30, 24, "why it stopped: 1 illegal, 2 not readable, 3 ATC_INV not answered");

  /** Overflow flag. */
  public static final Field OVFLG =
      Field.bit("OVFLG", 31, "overflow; OVACKFLG in CONS: equal when acknowledged");

  /** CMDQ_PROD; also EVENTQ_CONS and PRIQ_CONS without their overflow flag. */
  public static final Structure COMMAND_PROD = Structure.of("CMDQ_PROD", "SMMUv3 6.3.27", 1, INDEX);

  /** CMDQ_CONS. */
  public static final Structure COMMAND_CONS =
      Structure.of("CMDQ_CONS", "SMMUv3 6.3.28", 1, INDEX, ERR);

  /** EVENTQ_PROD; EVENTQ_CONS, PRIQ_PROD and PRIQ_CONS have the same fields. */
  public static final Structure EVENT_PROD =
      Structure.of("EVENTQ_PROD", "SMMUv3 6.3.30", 1, INDEX, OVFLG);

  private QueueIndex() {}
}
