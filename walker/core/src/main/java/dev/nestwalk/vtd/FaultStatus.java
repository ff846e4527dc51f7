package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Fault status register FSTS, offset 0x34 (VT-d 11.4.7.1). Errors are cleared by writing 1. */
public final class FaultStatus {
  /** Primary fault overflow. */
  public static final Field PFO = Field.bit("PFO", 0, "a fault found no free recording register");

  /** Primary pending fault. */
  public static final Field PPF = Field.bit("PPF", 1, "a recording register holds a fault");

  /** Advanced fault overflow. */
  public static final Field AFO = Field.bit("AFO", 2, "a fault found no room in the fault log");

  /** Advanced pending fault. */
  public static final Field APF = Field.bit("APF", 3, "the fault log holds a fault");

  /** Invalidation queue error. */
  public static final Field IQE = Field.bit("IQE", 4, "the invalidation queue stopped at an error");

  /** Invalidation completion error. */
  public static final Field ICE = Field.bit("ICE", 5, "a device-TLB answered without a request");

  /** Invalidation time-out error. */
  public static final Field ITE = Field.bit("ITE", 6, "a device-TLB did not answer in time");

  /** Fault record index. */
  public static final Field FRI =
      Field.of("FRI", 15, 8, "first recording register with a fault, valid with PPF");

  /** The register. */
  public static final Structure STRUCTURE =
      Structure.of("FSTS", "VT-d 11.4.7.1", 1, PFO, PPF, AFO, APF, IQE, ICE, ITE, FRI);

  private FaultStatus() {}
}
