package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Context entry of legacy mode (VT-d 9.3), one per function. */
public final class ContextEntry {
  /** {@link #TT}: second stage; requests of a device-TLB are blocked. */
  public static final int TT_UNTRANSLATED = 0;

  /** {@link #TT}: second stage; requests of a device-TLB are served. */
  public static final int TT_DEVICE_TLB = 1;

  /** {@link #TT}: pass-through. */
  public static final int TT_PASS_THROUGH = 2;

  /** Present. */
  public static final Field P = Field.bit("P", 0, "present");

  /** Fault processing disable. */
  public static final Field FPD =
      Field.bit("FPD", 1, "qualified faults through this entry are not recorded");

  /** Translation type. */
  public static final Field TT =
      Field.of(
          "TT",
          3,
          2,
          "00 second stage, 01 second stage and device-TLB, 10 pass-through, 11 reserved");

  /** Second-stage root. */
  public static final Field SSPTPTR =
      Field.of("SSPTPTR", 63, 12, "second-stage root table; bits from HAW reserved");

  /** Address width. */
  public static final Field AW =
      Field.of("AW", 66, 64, "second-stage width: 1 39-bit, 2 48-bit, 3 57-bit");

  /** Available to software. */
  public static final Field AVAIL = Field.of("AVAIL", 70, 67, "ignored by hardware");

  /** Domain id. */
  public static final Field DID =
      Field.of("DID", 87, 72, "domain id; bits from 4 + 2*CAP.ND reserved");

  /** The entry. */
  public static final Structure STRUCTURE =
      Structure.of("Context Entry", "VT-d 9.3", 2, P, FPD, TT, SSPTPTR, AW, AVAIL, DID);

  private ContextEntry() {}
}
