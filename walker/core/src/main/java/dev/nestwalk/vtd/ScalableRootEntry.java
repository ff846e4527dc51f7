package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Root entry of scalable mode (VT-d 9.2), one per bus, with one half for each value of SID[7]. */
public final class ScalableRootEntry {
  /** Lower present. */
  public static final Field LP = Field.bit("LP", 0, "lower half present: functions 0x00..0x7f");

  /** Lower context table. */
  public static final Field LCTP =
      Field.of("LCTP", 63, 12, "lower context table; bits from HAW reserved");

  /** Upper present. */
  public static final Field UP = Field.bit("UP", 64, "upper half present: functions 0x80..0xff");

  /** Upper context table. */
  public static final Field UCTP =
      Field.of("UCTP", 127, 76, "upper context table; bits from HAW reserved");

  /** The entry. */
  public static final Structure STRUCTURE =
      Structure.of("Scalable-Mode Root Entry", "VT-d 9.2", 2, LP, LCTP, UP, UCTP);

  private ScalableRootEntry() {}
}
