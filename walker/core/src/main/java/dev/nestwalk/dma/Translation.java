package dev.nestwalk.dma;

/**
 * The answer to one DMA in one {@code long}, so that no object is needed.
 *
 * <pre>
 *   ok     63 = 0 | 59 write right | 58 read right | 57..52 log2 of the span in bytes | 51..0 output address
 *   fault  63 = 1 | 23..20 level | 17..16 stage | 15..0 code
 * </pre>
 *
 * <p>The output address is that of the very byte asked for. The span is the naturally aligned block
 * around that byte over which this answer holds unchanged. Codes below {@code 0x100} are the
 * architecture's; those from {@code 0x100} on are this library's ({@link Outcome}). Level and stage
 * are 0 where none applies; levels count as the format's own specification counts them.
 */
public final class Translation {
  /** Lowest bit of the rights in an ok answer; READ and WRITE sit there as in {@link Access}. */
  public static final int RIGHTS_SHIFT = 58;

  private static final int SPAN_SHIFT = 52;
  private static final long ADDRESS_MASK = (1L << 52) - 1;

  /**
   * Packs a success.
   *
   * @param address output address, at most 52 bits
   * @param spanLog2 log2 of the span in bytes, 0 to 63
   * @param rights {@link Access#READ} and {@link Access#WRITE} bits granted
   */
  public static long ok(long address, int spanLog2, int rights) {
    return address | (long) spanLog2 << SPAN_SHIFT | (long) rights << RIGHTS_SHIFT;
  }

  /**
   * Packs a refusal.
   *
   * @param code architectural code or one of {@link Outcome}, 16 bits
   * @param stage 0, 1 or 2
   * @param level level of the table entry concerned, 0 to 15
   */
  public static long fault(int code, int stage, int level) {
    return Long.MIN_VALUE | (long) level << 20 | (long) stage << 16 | code;
  }

  /** Whether the DMA was refused. */
  public static boolean isFault(long translation) {
    return translation < 0;
  }

  /** Output address of the byte asked for. */
  public static long address(long translation) {
    return translation & ADDRESS_MASK;
  }

  /** Log2 of the span in bytes. */
  public static int spanLog2(long translation) {
    return (int) (translation >>> SPAN_SHIFT) & 0x3f;
  }

  /** Span in bytes. */
  public static long span(long translation) {
    return 1L << spanLog2(translation);
  }

  /** Rights granted: {@link Access#READ}, {@link Access#WRITE}. */
  public static int rights(long translation) {
    return (int) (translation >>> RIGHTS_SHIFT) & Access.ATOMIC;
  }

  /** Code of a refusal. */
  public static int code(long translation) {
    return (int) translation & 0xffff;
  }

  /** Stage of a refusal: 1, 2, or 0 where no stage is concerned. */
  public static int stage(long translation) {
    return (int) (translation >>> 16) & 3;
  }

  /** Level of a refusal, or 0. */
  public static int level(long translation) {
    return (int) (translation >>> 20) & 15;
  }

  /** For messages: {@code "ok 0x1000 span=0x1000 rw"} or {@code "fault 0x71 stage 1 level 2"}. */
  public static String describe(long translation) {
    if (isFault(translation)) {
      return "fault 0x%x stage %d level %d"
          .formatted(code(translation), stage(translation), level(translation));
    }
    return "ok 0x%x span=0x%x %s"
        .formatted(address(translation), span(translation), Access.describe(rights(translation)));
  }

  private Translation() {}
}
