package dev.nestwalk.dma;

/**
 * The outcome of a translation request of PCIe Address Translation Services: the status in its
 * translation completion. {@link AtsReply} decodes it from an answer.
 */
public enum Completion {
  /** None: the request was not a translation request but a memory access that was refused. */
  NONE(0, "no translation request"),

  /** Success, with the rights that exist, possibly none. */
  SUCCESS(1, "success"),

  /**
   * Unsupported Request: ATS is not available to this requester, and its function then turns ATS
   * off.
   */
  UNSUPPORTED_REQUEST(2, "unsupported request"),

  /** Completer Abort: the configuration or the tables are broken. */
  COMPLETER_ABORT(3, "completer abort");

  private static final Completion[] ALL = values();

  private final int code;
  private final String text;

  Completion(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** The status in words. */
  public String text() {
    return text;
  }

  /** The two bits that stand for it in a packed {@link Translation}. */
  int code() {
    return code;
  }

  /** The constant with this code, 0 to 3; the codes are the ordinals. */
  static Completion of(int code) {
    return ALL[code];
  }
}
