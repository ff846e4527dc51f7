package dev.nestwalk.region;

/**
 * A reserved region: addresses {@code first} to {@code last}, both inclusive and unsigned.
 *
 * @param kind why it is reserved
 */
public record Region(long first, long last, RegionKind kind) {
  /**
   * Checks the range.
   *
   * @throws IllegalArgumentException if it is empty
   */
  public Region {
    if (Long.compareUnsigned(last, first) < 0) {
      throw new IllegalArgumentException(
          "region 0x%x-0x%x: expected the last address not below the first".formatted(first, last));
    }
  }

  /** The hardware interrupt window of VT-d and AMD. */
  public static final Region X86_MSI = new Region(0xfee0_0000L, 0xfeef_ffffL, RegionKind.MSI);

  /** The window in which Linux places doorbell pages on an SMMU. */
  public static final Region ARM_SW_MSI = new Region(0x0800_0000L, 0x080f_ffffL, RegionKind.SW_MSI);
}
