package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Root entry of legacy mode (VT-d 9.1), one per bus. */
public final class RootEntry {
  /** Present. */
  public static final Field P = Field.bit("P", 0, "present");

  /** Context table. */
  public static final Field CTP = Field.of("CTP", 63, 12, "context table; bits from HAW reserved");

  /** The entry. */
  public static final Structure STRUCTURE = Structure.of("Root Entry", "VT-d 9.1", 2, P, CTP);

  private RootEntry() {}
}
