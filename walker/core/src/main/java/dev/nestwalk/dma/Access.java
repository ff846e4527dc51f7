package dev.nestwalk.dma;

/**
 * The kind of a DMA request, as bits of an {@code int}. A plain request is {@link #READ} or {@link
 * #WRITE}; both together are an atomic operation, which needs both rights.
 */
public final class Access {
  /** A read. The read right in a {@link Translation} is this bit too. */
  public static final int READ = 1;

  /** A write. The write right in a {@link Translation} is this bit too. */
  public static final int WRITE = 2;

  /** With {@link #READ}: the read fetches instructions (PCIe execute-requested, SMMU InD). */
  public static final int EXECUTE = 4;

  /** The request is privileged (PCIe privileged-mode-requested, SMMU PnU). */
  public static final int PRIVILEGED = 8;

  /** With {@link #READ}: a read with no byte enabled, also called a flush. */
  public static final int ZERO_LENGTH = 16;

  /**
   * An ATS translation request, which asks for a translation instead of data. Each one asks for
   * reading; without {@link #WRITE} its No-Write bit is set. {@link #EXECUTE} and {@link
   * #PRIVILEGED} are the bits of its PASID prefix, and may be combined with {@link #WRITE}. {@link
   * AtsReply} decodes the answer.
   */
  public static final int TRANSLATION_REQUEST = 32;

  /**
   * The device has translated the address before (PCIe AT = 10b). It is a host address, or an
   * intermediate address under SMMUv3's split-stage ATS.
   */
  public static final int TRANSLATED = 64;

  /** All bits that have a meaning. */
  public static final int ALL = 127;

  /** An atomic operation: read and write at once. */
  public static final int ATOMIC = READ | WRITE;

  /** Whether {@code access} is a request that this library supports. */
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
