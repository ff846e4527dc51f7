package dev.nestwalk.dma;

/**
 * The completion of a translation request (PCIe Address Translation Services; VT-d 4.1.2, IHI 0070
 * 3.9.1.2), decoded from the packed answer to a request with {@link Access#TRANSLATION_REQUEST}.
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
 * once (VT-d 4.2.3, IHI 0070 3.9.1). The Priv bit is the one of the request with PASID. Memory
 * types and the No-snoop bit are not modelled.
 *
 * <p>Threads: stateless.
 */
public final class AtsReply {
  /** Log2 of the smallest size that a reply can hold. */
  public static final int SMALLEST = 12;

  private static final int RIGHTS = Access.ATOMIC | Access.EXECUTE;

  /**
   * Status of the completion; {@link Completion#NONE} if the request was not a translation request.
   */
  public static Completion status(long answer) {
    return Translation.completion(answer);
  }

  /**
   * Rights granted: {@link Access#READ}, {@link Access#WRITE}, {@link Access#EXECUTE}; 0 if the
   * completion grants none.
   */
  public static int rights(long answer) {
    return Translation.isFault(answer) ? 0 : (int) (answer >>> Translation.RIGHTS_SHIFT) & RIGHTS;
  }

  /**
   * Whether only untranslated requests may access the block (the U bit). VT-d gives this answer to
   * a request to write to the interrupt range. The reply's address is then not a translation.
   */
  public static boolean isUntranslatedOnly(long answer) {
    return !Translation.isFault(answer) && (answer & Translation.UNTRANSLATED_ONLY) != 0;
  }

  /**
   * Whether the reply holds a translation: it grants some right, and not only to untranslated
   * requests.
   */
  public static boolean isTranslated(long answer) {
    return rights(answer) != 0 && !isUntranslatedOnly(answer);
  }

  /**
   * First byte of the translated block, a multiple of its size. This is an output address, or an
   * intermediate address under SMMUv3's split-stage ATS. It is 0 where there is no translation.
   */
  public static long address(long answer) {
    return isTranslated(answer) ? Translation.address(answer) & -1L << sizeLog2(answer) : 0;
  }

  /**
   * Log2 of the block's size in bytes, at least {@link #SMALLEST}. The block contains the requested
   * address; its input and its output address are both aligned to its size. The result is {@link
   * #SMALLEST} where there is no translation.
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
