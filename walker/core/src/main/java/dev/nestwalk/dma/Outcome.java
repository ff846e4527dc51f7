package dev.nestwalk.dma;

/**
 * Refusals that no architecture gives a number: codes from {@code 0x100} on in a {@link
 * Translation}. None of them comes with a record. How a translation request ends on the bus, {@link
 * Completion} tells beside the code.
 */
public enum Outcome {
  /** The request addresses the interrupt window: not memory, hand it to the interrupt logic. */
  INTERRUPT(0x100, "interrupt request, not memory"),
  /** Blocked by a protected memory region (VT-d PMEN). */
  PROTECTED_MEMORY(0x101, "blocked by a protected memory region"),
  /** Aborted by configuration that asks for silence (SMMUv3 GBPA.ABORT, STE.Config = 000b). */
  ABORTED(0x102, "aborted by configuration, nothing recorded"),
  /** A request type that cannot be served while translation is off. */
  UNSUPPORTED_REQUEST(0x103, "request type not served in this state"),
  /**
   * A translation request that completes with success and without rights; no error in the
   * architecture. Its {@link #packed} form has {@link Completion#SUCCESS}.
   */
  NO_RIGHTS(0x104, "translation request completed without rights"),
  /** In the effective reserved set: a direct mapping that firmware asked for. */
  RESERVED_DIRECT(0x110, "reserved: direct"),
  /** In the effective reserved set: a direct mapping that may be given up. */
  RESERVED_DIRECT_RELAXABLE(0x111, "reserved: direct-relaxable"),
  /** In the effective reserved set: not usable for DMA. */
  RESERVED(0x112, "reserved"),
  /** In the effective reserved set: hardware-decoded MSI window; route to interrupt logic. */
  RESERVED_MSI(0x113, "reserved: MSI"),
  /** In the effective reserved set: software-chosen MSI window. */
  RESERVED_SW_MSI(0x114, "reserved: software MSI");

  private static final Outcome[] ALL = values();

  private final int code;
  private final String text;

  Outcome(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** The number in a {@link Translation}. */
  public int code() {
    return code;
  }

  /** One line for people. */
  public String text() {
    return text;
  }

  /** The refusal as a packed {@link Translation}. */
  public long packed() {
    long refusal = Translation.fault(code, 0, 0);
    return this == NO_RIGHTS ? Translation.completed(refusal, Completion.SUCCESS) : refusal;
  }

  /** Whether {@code code} is the library's and not the architecture's. */
  public static boolean isLibraryCode(int code) {
    return code >= 0x100;
  }

  /**
   * The outcome with number {@code code}.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Outcome of(int code) {
    for (Outcome outcome : ALL) {
      if (outcome.code == code) {
        return outcome;
      }
    }
    throw new IllegalArgumentException("0x" + Integer.toHexString(code) + " is no library outcome");
  }
}
