package dev.nestwalk.vtd;

/**
 * The capabilities of a remapping unit: CAP, ECAP and the host address width, checked together
 * (VT-d 11.4.2, 11.4.3). No register holds the host address width; it comes from the ACPI DMAR
 * table.
 *
 * <p>Threads: immutable.
 */
public final class VtdCapabilities {
  private static final int MIN_HAW = 32;
  private static final int MAX_HAW = 52;
  private static final int MIN_GUEST_WIDTH = 30;
  private static final int MAX_GUEST_WIDTH = 57;

  private final long cap;
  private final long ecap;
  private final int haw;

  private VtdCapabilities(long cap, long ecap, int haw) {
    this.cap = cap;
    this.ecap = ecap;
    this.haw = haw;
  }

  /**
   * Decodes and checks the registers.
   *
   * @param cap capability register
   * @param ecap extended capability register
   * @param haw host address width in bits, 32 to 52, or -1 for CAP.MGAW + 1
   * @throws IllegalArgumentException for a combination that no unit can have
   */
  public static VtdCapabilities of(long cap, long ecap, int haw) {
    int guest = (int) Cap.MGAW.get(cap) + 1;
    require(
        guest >= MIN_GUEST_WIDTH && guest <= MAX_GUEST_WIDTH,
        "CAP.MGAW gives " + guest + " address bits: expected 30 to 57");
    int width = haw == -1 ? guest : haw;
    require(
        width >= MIN_HAW && width <= MAX_HAW,
        "host address width " + width + ": expected 32 to 52 bits");
    VtdCapabilities unit = new VtdCapabilities(cap, ecap, width);
    boolean scalable = Ecap.SMTS.in(ecap);
    boolean first = scalable && Ecap.FSTS.in(ecap);
    require(
        !Ecap.NEST.in(ecap) || first && Ecap.SSTS.in(ecap),
        "ECAP.NEST is set: expected SMTS, FSTS and SSTS with it");
    require(!Ecap.PASID.in(ecap) || scalable, "ECAP.PASID is set: expected SMTS with it");
    require(
        first || unit.widestSecondStage() != 0,
        "CAP.SAGAW names no width and there is no first stage: expected one of them");
    return unit;
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }

  /** CAP as given. */
  public long cap() {
    return cap;
  }

  /** ECAP as given. */
  public long ecap() {
    return ecap;
  }

  /** Host address width in bits. */
  public int hostAddressWidth() {
    return haw;
  }

  /** Guest address width in bits: MGAW + 1. */
  public int guestAddressWidth() {
    return (int) Cap.MGAW.get(cap) + 1;
  }

  /** The address bits from HAW upwards. */
  public long beyondHost() {
    return -1L << haw;
  }

  /** Whether the second stage supports the width that AW code {@code aw} stands for. */
  public boolean supportsWidth(int aw) {
    return aw >= 1 && aw <= 3 && (Cap.SAGAW.get(cap) >>> aw & 1) != 0;
  }

  /** The largest AW code of SAGAW, 1 to 3, or 0 if there is none. */
  public int widestSecondStage() {
    for (int aw = 3; aw > 0; aw--) {
      if (supportsWidth(aw)) {
        return aw;
      }
    }
    return 0;
  }

  /** Second-stage input width in bits under AW code {@code aw}: min(MGAW + 1, 30 + 9 * AW). */
  public int inputWidth(int aw) {
    return Math.min(guestAddressWidth(), 30 + 9 * aw);
  }

  /** The bits of a domain id that the unit does not support, right-aligned in 16 bits. */
  public long unsupportedDomainBits() {
    int width = Math.min(16, 4 + 2 * (int) Cap.ND.get(cap));
    return 0xffffL & -1L << width;
  }

  /** PASID width in bits. */
  public int pasidWidth() {
    return Math.min(20, (int) Ecap.PSS.get(ecap) + 1);
  }

  /** The levels at which a second-stage entry may map a page, as bits. */
  public int secondStageLeafLevels() {
    return 1 << 1 | (int) (Cap.SSLPS.get(cap) & 3) << 2;
  }

  /** The levels at which a first-stage entry may map a page, as bits. */
  public int firstStageLeafLevels() {
    return 1 << 1 | 1 << 2 | (Cap.FS1GP.in(cap) ? 1 << 3 : 0);
  }
}
