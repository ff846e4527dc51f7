package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Control register 0 (IHI 0070, 6.3.9). */
public final class Cr0 {
  /** Translation is on. */
  public static final Field SMMUEN = Field.bit("SMMUEN", 0, "translation is on");

  /** Page request queue is on. */
  public static final Field PRIQEN = Field.bit("PRIQEN", 1, "page request queue is on");

  /** Event queue is on. */
  public static final Field EVENTQEN = Field.bit("EVENTQEN", 2, "event queue is on");

  /** Command queue is on. */
  public static final Field CMDQEN = Field.bit("CMDQEN", 3, "command queue is on");

  /** Translated requests are checked. */
  public static final Field ATSCHK = Field.bit("ATSCHK", 4, "translated requests are checked");

  /** VMID wildcard. */
  public static final Field VMW =
      Field.of("VMW", 8, 6, "invalidations ignore this many low VMID bits, 0 to 4");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of("CR0", "SMMUv3 6.3.9", 1, SMMUEN, PRIQEN, EVENTQEN, CMDQEN, ATSCHK, VMW);

  private Cr0() {}
}
