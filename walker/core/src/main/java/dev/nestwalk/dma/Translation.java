package dev.nestwalk.dma;

/**
 * The answer to one DMA, packed in one {@code long} so that no object is needed.
 *
 * <pre>
 *   ok     63 = 0 | 61..60 see below | 59 write right | 58 read right | 57..52 log2 of the span
 *   in bytes | 51..0 output address
 *   fault  63 = 1 | 25..24 {@link Completion} | 23..20 level | 17..16 stage | 15..0 code
 * </pre>
 *
 * <p>The output address is that of the requested byte. The span is the naturally aligned block
 * around that byte for which this answer holds. Codes below {@code 0x100} are the architecture's;
 * those from {@code 0x100} on are this library's ({@link Outcome}). Level and stage are 0 where
 * none applies; levels are numbered as in the format's specification.
 *
 * <p>{@link AtsReply} decodes the answer to a translation request. Only in such an answer is bit 60
 * an execute right, does bit 61 say that the block is for untranslated requests only, and does a
 * refusal have a completion, which is how the request ends on the bus.
 */
public final class Translation {
  /**
   * Lowest bit of the rights in an ok answer; the rights are {@link Access#READ} and {@link
   * Access#WRITE}, shifted by this.
   */
  public static final int RIGHTS_SHIFT = 58;

  /** In an ok answer: only untranslated requests may access the block. */
  static final long UNTRANSLATED_ONLY = 1L << 61;

  private static final int SPAN_SHIFT = 52;
  private static final int COMPLETION_SHIFT = 24;
  private static final long ADDRESS_MASK = (1L << 52) - 1;

  /**
   * Packs a success.
   *
   * @param address output address, at most 52 bits
   * @param spanLog2 log2 of the span in bytes, 0 to 63
   * @param rights {@link Access#READ} and {@link Access#WRITE} bits granted; for a translation
   *     request also {@link Access#EXECUTE}
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

  /** For walkers: an ok answer with its span narrowed to a smaller block around its byte. */
  public static long narrowed(long answer, int spanLog2) {
    return answer & ~(0x3fL << SPAN_SHIFT) | (long) spanLog2 << SPAN_SHIFT;
  }

  /** For walkers: the refusal of a translation request, with the status of its completion. */
  public static long completed(long refusal, Completion status) {
    return refusal & ~(3L << COMPLETION_SHIFT) | (long) status.code() << COMPLETION_SHIFT;
  }

  /**
   * For walkers: the answer to a translation request on a block that only untranslated writes may
   * access.
   */
  public static long untranslatedOnly(long address) {
    return ok(address, AtsReply.SMALLEST, Access.WRITE) | UNTRANSLATED_ONLY;
  }

  /** How a translation request ends; {@link Completion#NONE} for a refused memory access. */
  public static Completion completion(long translation) {
    return isFault(translation)
        ? Completion.of((int) (translation >>> COMPLETION_SHIFT) & 3)
        : Completion.SUCCESS;
  }

  /** Whether the DMA was refused. */
  public static boolean isFault(long translation) {
    return translation < 0;
  }

  /** Output address of the requested byte. */
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
      Completion completion = completion(translation);
      return "fault 0x%x stage %d level %d%s"
          .formatted(
              code(translation),
              stage(translation),
              level(translation),
              completion == Completion.NONE ? "" : ", " + completion.text());
    }
    return "ok 0x%x span=0x%x %s"
        .formatted(address(translation), span(translation), Access.describe(rights(translation)));
  }

  private Translation() {}
}
