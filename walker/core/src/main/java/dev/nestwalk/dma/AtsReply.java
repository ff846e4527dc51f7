package dev.nestwalk.dma;

/**
 * What the completion of a translation request carries (PCIe Address Translation Services; VT-d
 * 4.1.2, IHI 0070 3.9.1.2), read out of the packed answer to a request with {@link
 * Access#TRANSLATION_REQUEST}.
 *
 * <pre>
 *   status               rights   what the device may do
 *   SUCCESS              some     use address and size with translated requests (AT = 10b)
 *   SUCCESS              none     nothing: ask for the page (PRI), or fail
 *   UNSUPPORTED_REQUEST  none     no ATS for this function
 *   COMPLETER_ABORT      none     the unit met broken configuration or tables
 * </pre>
 *
 * <p>The Global bit is 0 in every reply: neither architecture grants a translation to all PASIDs at
 * once (VT-d 4.2.3, IHI 0070 3.9.1). The Priv bit repeats what the request with PASID had. Memory
 * types and the No-snoop bit are not modelled.
 *
 * <p>Threads: stateless.
 */
public final class AtsReply {
  /** Log2 of the smallest size that a reply can state. */
  public static final int SMALLEST = 12;

  private static final int RIGHTS = Access.ATOMIC | Access.EXECUTE;

  /** Status of the completion; {@link Completion#NONE} if the answer is to another request. */
  public static Completion status(long answer) {
    return Translation.completion(answer);
  }

  /**
   * Rights granted: {@link Access#READ}, {@link Access#WRITE}, {@link Access#EXECUTE}; 0 where the
   * completion grants nothing.
   */
  public static int rights(long answer) {
    return Translation.isFault(answer) ? 0 : (int) (answer >>> Translation.RIGHTS_SHIFT) & RIGHTS;
  }

  /**
   * Whether the block may only be reached by untranslated requests (the U bit): VT-d's answer to a
   * write that goes to the interrupt range. Its address is no translation.
   */
  public static boolean isUntranslatedOnly(long answer) {
    return !Translation.isFault(answer) && (answer & Translation.UNTRANSLATED_ONLY) != 0;
  }

  /** Whether the reply holds a translation: some right, and not for untranslated requests only. */
  public static boolean isTranslated(long answer) {
    return rights(answer) != 0 && !isUntranslatedOnly(answer);
  }

  /**
   * First byte of the translated block; a multiple of its size. An output address, or the
   * intermediate one under SMMUv3's split-stage ATS. 0 where there is no translation.
   */
  public static long address(long answer) {
    return isTranslated(answer) ? Translation.address(answer) & -1L << sizeLog2(answer) : 0;
  }

  /**
   * Log2 of the block's size in bytes, at least {@link #SMALLEST}; the block holds the address
   * asked for and has this alignment on both sides. {@link #SMALLEST} where there is no
   * translation.
   */
  public static int sizeLog2(long answer) {
    return isTranslated(answer) ? Translation.spanLog2(answer) : SMALLEST;
  }

  /** For messages: {@code "success 0x1000 size=0x1000 rw"}, {@code "completer abort"}. */
  public static String describe(long answer) {
    Completion status = status(answer);
    if (status != Completion.SUCCESS) {
      return status.text();
    }
    if (isUntranslatedOnly(answer)) {
      return "success, untranslated requests only";
    }
    return isTranslated(answer)
        ? "success 0x%x size=0x%x %s"
            .formatted(address(answer), 1L << sizeLog2(answer), Access.describe(rights(answer)))
        : "success without rights";
  }

  private AtsReply() {}
}
