package dev.nestwalk.smmu;

import java.util.Locale;

/**
 * Memory type, cacheability and shareability of a translation (IHI 0070, 13.1; DDI 0487, D8.5).
 * They change neither addresses nor faults, so the fast walker does not carry them. They are
 * computed here from the descriptors for those who need them, such as the reference walker.
 *
 * @param device the Device type, {@link Device#NONE} for Normal memory
 * @param inner inner cacheability of Normal memory
 * @param outer outer cacheability of Normal memory
 * @param shareability the domain
 */
public record MemoryAttributes(
    Device device, Cacheability inner, Cacheability outer, Shareability shareability) {

  /** Device types, the most restrictive first. */
  public enum Device {
    /** No gathering, no reordering, no early acknowledgement. */
    NGNRNE,
    /** No gathering, no reordering. */
    NGNRE,
    /** No gathering. */
    NGRE,
    /** Gathering, reordering, early acknowledgement. */
    GRE,
    /** Normal memory. */
    NONE
  }

  /** Cacheability, the weakest first. */
  public enum Cacheability {
    /** Non-cacheable. */
    NON_CACHEABLE,
    /** Write-through. */
    WRITE_THROUGH,
    /** Write-back. */
    WRITE_BACK
  }

  /** Shareability domains, the narrowest first. */
  public enum Shareability {
    /** Non-shareable. */
    NON,
    /** Inner shareable. */
    INNER,
    /** Outer shareable. */
    OUTER
  }

  /** Makes Device and non-cacheable memory outer shareable, as the architecture requires. */
  public MemoryAttributes {
    boolean uncached = inner == Cacheability.NON_CACHEABLE && outer == Cacheability.NON_CACHEABLE;
    if (device != Device.NONE || uncached) {
      shareability = Shareability.OUTER;
    }
  }

  /** Device memory. */
  public static MemoryAttributes of(Device device) {
    return new MemoryAttributes(
        device, Cacheability.NON_CACHEABLE, Cacheability.NON_CACHEABLE, Shareability.OUTER);
  }

  /**
   * Attributes of stage 1.
   *
   * @param mair the attribute byte that AttrIndx selects
   * @param sh the descriptor's SH: 0 non, 2 outer, 3 inner
   */
  public static MemoryAttributes ofStage1(int mair, int sh) {
    if ((mair & 0xf0) == 0) {
      return of(Device.values()[mair >>> 2 & 3]);
    }
    return new MemoryAttributes(
        Device.NONE, ofNibble(mair & 15), ofNibble(mair >>> 4 & 15), shareability(sh));
  }

  private static Cacheability ofNibble(int nibble) {
    if (nibble == 4) {
      return Cacheability.NON_CACHEABLE;
    }
    // 00xx and 01xx are the transient forms of write-through and write-back.
    return (nibble & 4) == 0 ? Cacheability.WRITE_THROUGH : Cacheability.WRITE_BACK;
  }

  private static Shareability shareability(int sh) {
    return switch (sh) {
      case 2 -> Shareability.OUTER;
      case 3 -> Shareability.INNER;
      default -> Shareability.NON;
    };
  }

  /**
   * Attributes of stage 2 without forced write-back.
   *
   * @param memAttr the descriptor's MemAttr, 4 bits
   * @param sh the descriptor's SH
   */
  public static MemoryAttributes ofStage2(int memAttr, int sh) {
    if ((memAttr & 12) == 0) {
      return of(Device.values()[memAttr & 3]);
    }
    return new MemoryAttributes(
        Device.NONE, ofPair(memAttr & 3), ofPair(memAttr >>> 2 & 3), shareability(sh));
  }

  private static Cacheability ofPair(int pair) {
    return Cacheability.values()[Math.max(0, pair - 1)];
  }

  /** Combines two stages: the more restrictive type, the weaker cacheability, the wider domain. */
  public MemoryAttributes combine(MemoryAttributes other) {
    Device type = device.compareTo(other.device) <= 0 ? device : other.device;
    if (type != Device.NONE) {
      return of(type);
    }
    Cacheability weakerInner = inner.compareTo(other.inner) <= 0 ? inner : other.inner;
    Cacheability weakerOuter = outer.compareTo(other.outer) <= 0 ? outer : other.outer;
    Shareability wider =
        shareability.compareTo(other.shareability) >= 0 ? shareability : other.shareability;
    return new MemoryAttributes(Device.NONE, weakerInner, weakerOuter, wider);
  }

  /**
   * Combines two stages under STE.S2FWB: MemAttr[2:0] 110 forces write-back, 101 non-cacheable, 111
   * keeps the type of stage 1, and 0xx is Device.
   */
  public MemoryAttributes forcedBy(int memAttr, int sh) {
    Shareability second = shareability(sh);
    Shareability wider = shareability.compareTo(second) >= 0 ? shareability : second;
    return switch (memAttr & 7) {
      case 7 -> this;
      case 6 ->
          new MemoryAttributes(
              Device.NONE, Cacheability.WRITE_BACK, Cacheability.WRITE_BACK, wider);
      case 5 -> device != Device.NONE ? this : uncached();
      case 4 -> uncached();
      default -> combine(of(Device.values()[memAttr & 3]));
    };
  }

  private static MemoryAttributes uncached() {
    return new MemoryAttributes(
        Device.NONE, Cacheability.NON_CACHEABLE, Cacheability.NON_CACHEABLE, Shareability.OUTER);
  }

  /**
   * The attributes in words: {@code "Device nGnRE"} or {@code "Normal, inner WB, outer WB, inner
   * shareable"}.
   */
  public String describe() {
    if (device != Device.NONE) {
      return "Device " + device.name().replace("NGN", "nGn").replace("NGR", "nGR");
    }
    return "Normal, inner %s, outer %s, %s shareable"
        .formatted(inner, outer, shareability)
        .toLowerCase(Locale.ROOT)
        .replace("normal", "Normal")
        .replace('_', '-');
  }
}
