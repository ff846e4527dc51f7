package dev.nestwalk.vtd;

import dev.nestwalk.format.RegisterNames;
import java.util.Map;
import java.util.Objects;

/**
 * A remapping unit's registers, decoded and checked once.
 *
 * <p>Threads: immutable.
 */
public final class VtdConfig {
  /** First address of the interrupt range (VT-d 3.15), which is 1 MiB. */
  public static final long INTERRUPT_FIRST = 0xfee0_0000L;

  /** Log2 of the granule of protected memory regions unless another one is given: 2 MiB. */
  public static final int PROTECTED_MEMORY_LOG2 = 21;

  /** The registers of the unit (VT-d 11.4), by the names that the specification gives them. */
  public static final RegisterNames REGISTERS =
      new RegisterNames(
          "VT-d",
          "VER CAP ECAP GCMD GSTS RTADDR CCMD FSTS FECTL FEDATA FEADDR FEUADDR AFLOG PMEN PLMBASE"
              + " PLMLIMIT PHMBASE PHMLIMIT IQH IQT IQA ICS IECTL IEDATA IEADDR IEUADDR IQERCD"
              + " IRTA PQH PQT PQA PRS PECTL PEDATA PEADDR PEUADDR MTRRCAP MTRRDEF ECMD ECEO ECRSP"
              + " VCCAP VCMD VCRSP IVA IOTLB",
          "FRCD[0-9]{0,3}(_(LO|HI))?|MTRR_\\w+|PERF\\w+|ECCAP[0-9]");

  final VtdCapabilities unit;
  final ReservedMasks reserved;
  final boolean enabled;
  final int mode;
  final long rootTable;
  final boolean protects;
  private final long lowFirst;
  private final long lowLast;
  private final long highFirst;
  private final long highLast;

  private VtdConfig(VtdCapabilities unit, Map<String, Long> registers, int protectedMemoryLog2) {
    this.unit = unit;
    long within = (1L << protectedMemoryLog2) - 1;
    this.reserved = new ReservedMasks(unit);
    enabled = GlobalStatus.TES.in(required(registers, "GSTS"));
    long root = required(registers, "RTADDR");
    mode = (int) RootTableAddress.TTM.get(root);
    rootTable = root & RootTableAddress.RTA.mask();
    boolean enforced = ProtectedMemoryEnable.PRS.in(optional(registers, "PMEN"));
    boolean low = enforced && Cap.PLMR.in(unit.cap());
    boolean high = enforced && Cap.PHMR.in(unit.cap());
    protects = low || high;
    // An absent region is an empty one: its first address is above its last.
    lowFirst = low ? optional(registers, "PLMBASE") & 0xffff_ffffL & ~within : -1;
    lowLast = low ? optional(registers, "PLMLIMIT") & 0xffff_ffffL | within : 0;
    highFirst = high ? optional(registers, "PHMBASE") & ~within : -1;
    highLast = high ? optional(registers, "PHMLIMIT") | within : 0;
  }

  /**
   * Decodes register values.
   *
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT; other registers of the unit are accepted and ignored
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @throws IllegalArgumentException for a missing register, an unknown name, a null value, or an
   *     impossible combination of capabilities
   */
  public static VtdConfig of(Map<String, Long> registers, int hostAddressWidth) {
    return of(registers, hostAddressWidth, PROTECTED_MEMORY_LOG2);
  }

  /**
   * Decodes register values of a unit whose protected memory regions have another granule.
   *
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT; other registers of the unit are accepted and ignored
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @param protectedMemoryLog2 log2 of the granule, 12 to 31. Software determines it from the bits
   *     of a base register that stay 0 when ones are written (11.4.8); units have 1 or 2 MiB
   * @throws IllegalArgumentException for a missing register, an unknown name, a null value, an
   *     impossible combination of capabilities or a granule out of range
   */
  public static VtdConfig of(
      Map<String, Long> registers, int hostAddressWidth, int protectedMemoryLog2) {
    if (protectedMemoryLog2 < 12 || protectedMemoryLog2 > 31) {
      throw new IllegalArgumentException(
          "protected memory in units of 2^%d bytes: expected 2^12 to 2^31"
              .formatted(protectedMemoryLog2));
    }
    REGISTERS.check(registers);
    VtdCapabilities unit =
        VtdCapabilities.of(
            required(registers, "CAP"), required(registers, "ECAP"), hostAddressWidth);
    return new VtdConfig(unit, registers, protectedMemoryLog2);
  }

  private static long required(Map<String, Long> registers, String name) {
    Long value = registers.get(name);
    if (value == null) {
      throw new IllegalArgumentException("register " + name + " is missing");
    }
    return value;
  }

  private static long optional(Map<String, Long> registers, String name) {
    return Objects.requireNonNullElse(registers.get(name), 0L);
  }

  /** The unit's capabilities. */
  public VtdCapabilities capabilities() {
    return unit;
  }

  /** Whether translation is on (GSTS.TES). */
  public boolean isEnabled() {
    return enabled;
  }

  /** RTADDR.TTM; {@link RootTableAddress} has the values. */
  public int mode() {
    return mode;
  }

  /** Whether {@code address} is in 0xFEE00000..0xFEEFFFFF. */
  static boolean isInterrupt(long address) {
    return address >>> 20 == INTERRUPT_FIRST >>> 20;
  }

  /**
   * Whether the block of 2^{@code span} bytes, at least 1 MiB, around an address overlaps the
   * interrupt range.
   */
  static boolean touchesInterrupt(long address, int span) {
    return address >>> span == INTERRUPT_FIRST >>> span;
  }

  /** Whether {@code address} is in a protected memory region that is enforced. */
  boolean isProtected(long address) {
    return protects && (within(address, lowFirst, lowLast) || within(address, highFirst, highLast));
  }

  private static boolean within(long address, long first, long last) {
    return Long.compareUnsigned(address, first) >= 0 && Long.compareUnsigned(address, last) <= 0;
  }
}
