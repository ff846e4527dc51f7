package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/**
 * Global error register (IHI 0070, 6.3.19); GERRORN has the same fields. An error is active while
 * its bits in the two registers differ.
 */
public final class GlobalError {
  /** A command failed. */
  public static final Field CMDQ_ERR =
      Field.bit("CMDQ_ERR", 0, "a command failed; CMDQ_CONS.ERR tells why");

  /** An event record could not be written. */
  public static final Field EVENTQ_ABT_ERR =
      Field.bit("EVENTQ_ABT_ERR", 2, "an event record could not be written");

  /** A page request could not be written. */
  public static final Field PRIQ_ABT_ERR =
      Field.bit("PRIQ_ABT_ERR", 3, "a page request could not be written");

  /** The MSI of a CMD_SYNC aborted. */
  public static final Field MSI_CMDQ_ABT_ERR =
      Field.bit("MSI_CMDQ_ABT_ERR", 4, "the MSI of a CMD_SYNC aborted");

  /** The MSI of the event queue aborted. */
  public static final Field MSI_EVENTQ_ABT_ERR =
      Field.bit("MSI_EVENTQ_ABT_ERR", 5, "the MSI of the event queue aborted");

  /** The MSI of the page request queue aborted. */
  public static final Field MSI_PRIQ_ABT_ERR =
      Field.bit("MSI_PRIQ_ABT_ERR", 6, "the MSI of the page request queue aborted");

  /** The MSI of a global error aborted. */
  public static final Field MSI_GERROR_ABT_ERR =
      Field.bit("MSI_GERROR_ABT_ERR", 7, "the MSI of a global error aborted");

  /** Service failure mode. */
  public static final Field SFM_ERR =
      Field.bit("SFM_ERR", 8, "service failure: the unit has stopped");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "GERROR",
          "SMMUv3 6.3.19",
          1,
          CMDQ_ERR,
          EVENTQ_ABT_ERR,
          PRIQ_ABT_ERR,
          MSI_CMDQ_ABT_ERR,
          MSI_EVENTQ_ABT_ERR,
          MSI_PRIQ_ABT_ERR,
          MSI_GERROR_ABT_ERR,
          SFM_ERR);

  private GlobalError() {}
}
