package dev.nestwalk.smmu;

import java.util.Map;
import java.util.Objects;

/**
 * The capabilities of an SMMU: its identification registers, checked together (IHI 0070, 6.3.1 to
 * 6.3.6).
 *
 * <p>Threads: immutable.
 */
public final class SmmuCapabilities {
  private static final int[] SIZES = {32, 36, 40, 42, 44, 48, 52, 52};

  private final long idr0;
  private final long idr1;
  private final long idr3;
  private final long idr5;

  private SmmuCapabilities(Map<String, Long> registers) {
    idr0 = register(registers, "IDR0");
    idr1 = register(registers, "IDR1");
    idr3 = Objects.requireNonNullElse(registers.get("IDR3"), 0L);
    idr5 = register(registers, "IDR5");
  }

  /**
   * Decodes and checks the registers.
   *
   * @throws IllegalArgumentException for a missing register or a combination that no SMMU can have
   */
  public static SmmuCapabilities of(Map<String, Long> registers) {
    SmmuCapabilities unit = new SmmuCapabilities(registers);
    require(unit.hasStage1() || unit.hasStage2(), "IDR0: expected stage 1 or stage 2 (S1P, S2P)");
    require((unit.idr0 >>> 2 & 2) != 0, "IDR0.TTF: expected AArch64 tables (2 or 3)");
    require((unit.idr5 >>> 4 & 7) != 0, "IDR5: expected a granule (GRAN4K, GRAN16K, GRAN64K)");
    require(Idr5.OAS.get(unit.idr5) != 7, "IDR5.OAS: expected 0 to 6");
    require(Idr1.SIDSIZE.get(unit.idr1) <= 32, "IDR1.SIDSIZE: expected up to 32");
    require(Idr1.SSIDSIZE.get(unit.idr1) <= 20, "IDR1.SSIDSIZE: expected up to 20");
    return unit;
  }

  static long register(Map<String, Long> registers, String name) {
    Long value = registers.get(name);
    if (value == null) {
      throw new IllegalArgumentException("register " + name + " is missing");
    }
    return value;
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }

  /** IDR0. */
  public long idr0() {
    return idr0;
  }

  /** IDR1. */
  public long idr1() {
    return idr1;
  }

  /** IDR3. */
  public long idr3() {
    return idr3;
  }

  /** IDR5. */
  public long idr5() {
    return idr5;
  }

  /** Whether there is stage 1 (IDR0.S1P). */
  public boolean hasStage1() {
    return Idr0.S1P.in(idr0);
  }

  /** Whether there is stage 2 (IDR0.S2P). */
  public boolean hasStage2() {
    return Idr0.S2P.in(idr0);
  }

  /** Bits of an output address. */
  public int outputSize() {
    return SIZES[(int) Idr5.OAS.get(idr5)];
  }

  /** Bits of an intermediate address (3.4): OAS, or at least 40 where AArch32 tables exist. */
  public int intermediateSize() {
    return Idr0.TTF.get(idr0) == 3 ? Math.max(40, outputSize()) : outputSize();
  }

  /** Address size for a field with OAS encoding; reserved values give the largest size. */
  static int size(long encoded) {
    return SIZES[(int) encoded];
  }

  /** Whether the granule of 2^{@code log2} bytes is supported. */
  boolean hasGranule(int log2) {
    return switch (log2) {
      case 12 -> Idr5.GRAN4K.in(idr5);
      case 14 -> Idr5.GRAN16K.in(idr5);
      case 16 -> Idr5.GRAN64K.in(idr5);
      default -> false;
    };
  }

  /** Whether descriptors of the 64K granule hold OA[51:48]. */
  boolean has52BitOutput() {
    return outputSize() >= 52;
  }

  boolean hasSmallTables() {
    return Idr3.STT.in(idr3);
  }

  /** Whether the 4K and 16K granules support 52-bit addresses (IDR5.DS). */
  public boolean hasDs() {
    return Idr5.DS.in(idr5);
  }

  boolean has52BitInput() {
    return Idr5.VAX.get(idr5) != 0;
  }

  /** The smallest TnSZ, which leaves the most bits of an input address (DDI 0487, D8.2). */
  static int leastUnusedBits(boolean wide) {
    return wide ? 12 : 16;
  }

  /** The largest TnSZ; small tables (IDR3.STT) leave fewer bits of an input address. */
  int mostUnusedBits(int granule) {
    return !hasSmallTables() ? 39 : granule == 16 ? 47 : 48;
  }

  int httu() {
    return (int) Idr0.HTTU.get(idr0);
  }

  /** IDR0.STALL_MODEL: 0 stall and terminate, 1 terminate only, 2 stall only. */
  public int stallModel() {
    return (int) Idr0.STALL_MODEL.get(idr0);
  }

  int streamIdBits() {
    return (int) Idr1.SIDSIZE.get(idr1);
  }

  int substreamIdBits() {
    return (int) Idr1.SSIDSIZE.get(idr1);
  }
}
