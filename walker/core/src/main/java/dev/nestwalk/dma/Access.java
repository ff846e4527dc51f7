package dev.nestwalk.dma;

/**
 * What a DMA asks for, as bits of an {@code int}. A plain request is {@link #READ} or {@link
 * #WRITE}; both together are an atomic operation, which needs both rights.
 */
public final class Access {
  /** A read. The same bit as the read right in a {@link Translation}. */
  public static final int READ = 1;

  /** A write. The same bit as the write right in a {@link Translation}. */
  public static final int WRITE = 2;

  /** With {@link #READ}: the read fetches instructions (PCIe execute-requested, SMMU InD). */
  public static final int EXECUTE = 4;

  /** The request is privileged (PCIe privileged-mode-requested, SMMU PnU). */
  public static final int PRIVILEGED = 8;

  /** With {@link #READ}: a read with no byte enabled, also called a flush. */
  public static final int ZERO_LENGTH = 16;

  /**
   * An ATS translation request: asks for the translation instead of the data. Every one asks for
   * reading; without {@link #WRITE} its No-Write bit is set. {@link #EXECUTE} and {@link
   * #PRIVILEGED} are those of its PASID, and may go with {@link #WRITE}. {@link AtsReply} reads the
   * answer.
   */
  public static final int TRANSLATION_REQUEST = 32;

  /**
   * The address was translated before by the device (PCIe AT = 10b): a host address, or an
   * intermediate one under SMMUv3's split-stage ATS.
   */
  public static final int TRANSLATED = 64;

  /** Every bit that has a meaning. */
  public static final int ALL = 127;

  /** An atomic operation: read and write at once. */
  public static final int ATOMIC = READ | WRITE;

  /** Whether {@code access} is a request this library can judge. */
  public static boolean isValid(int access) {
    boolean asks = (access & ATOMIC) != 0;
    boolean onlyRead = (access & ATOMIC) == READ;
    boolean typed =
        (access & (TRANSLATION_REQUEST | TRANSLATED)) != (TRANSLATION_REQUEST | TRANSLATED);
    boolean query = (access & (TRANSLATION_REQUEST | ZERO_LENGTH)) == TRANSLATION_REQUEST;
    boolean refined = (access & (EXECUTE | ZERO_LENGTH)) == 0 || onlyRead || query;
    return (access & ~ALL) == 0 && asks && typed && refined;
  }

  /** {@code "r"}, {@code "w"}, {@code "rw"} with {@code x}, {@code p}, {@code z} appended. */
  public static String describe(int access) {
    StringBuilder text = new StringBuilder(8);
    append(text, access, READ, 'r');
    append(text, access, WRITE, 'w');
    append(text, access, EXECUTE, 'x');
    append(text, access, PRIVILEGED, 'p');
    append(text, access, ZERO_LENGTH, 'z');
    append(text, access, TRANSLATION_REQUEST, 'q');
    append(text, access, TRANSLATED, 't');
    return text.toString();
  }

  private static void append(StringBuilder text, int access, int bit, char letter) {
    if ((access & bit) != 0) {
      text.append(letter);
    }
  }

  private Access() {}
}
