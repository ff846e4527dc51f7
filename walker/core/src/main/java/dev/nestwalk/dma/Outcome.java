package dev.nestwalk.dma;

/**
 * Refusals for which the architectures have no code: codes from {@code 0x100} on in a {@link
 * Translation}. None of them has a record. If the request was a translation request, {@link
 * Completion} says how it ends on the bus.
 */
public enum Outcome {
  /**
   * The request addresses the interrupt window, which is not memory: hand it to the interrupt
   * logic.
   */
  INTERRUPT(0x100, "interrupt request, not memory"),
  /** Blocked by a protected memory region (VT-d PMEN). */
  PROTECTED_MEMORY(0x101, "blocked by a protected memory region"),
  /** Aborted silently, as the configuration demands (SMMUv3 GBPA.ABORT, STE.Config = 000b). */
  ABORTED(0x102, "aborted by configuration, nothing recorded"),
  /** A request of a type that is not served while translation is off. */
  UNSUPPORTED_REQUEST(0x103, "request type not served in this state"),
  /**
   * A translation request that completes with success but without rights, which is not an error in
   * the architecture. Its {@link #packed} form has {@link Completion#SUCCESS}.
   */
  NO_RIGHTS(0x104, "translation request completed without rights"),
  /** In the effective reserved set: a direct mapping that firmware requires. */
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

  /** The code in a {@link Translation}. */
  public int code() {
    return code;
  }

  /** The outcome in words. */
  public String text() {
    return text;
  }

  /** The refusal as a packed {@link Translation}. */
  public long packed() {
    long refusal = Translation.fault(code, 0, 0);
    return this == NO_RIGHTS ? Translation.completed(refusal, Completion.SUCCESS) : refusal;
  }

  /** Whether {@code code} is this library's rather than an architecture's. */
  public static boolean isLibraryCode(int code) {
    return code >= 0x100;
  }

  /**
   * The outcome with this code.
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
