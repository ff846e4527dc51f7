package dev.nestwalk.dma;

/**
 * How a translation request of PCIe Address Translation Services ends: the status of its
 * translation completion. {@link AtsReply} reads it out of an answer.
 */
public enum Completion {
  /** The request was no translation request: a memory access that was refused. */
  NONE(0, "no translation request"),

  /** Success, with the rights that there are: possibly none. */
  SUCCESS(1, "success"),

  /** Unsupported Request: this requester is not served; its function then turns ATS off. */
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

  /** A few words for people. */
  public String text() {
    return text;
  }

  /** Two bits in a packed {@link Translation}. */
  int code() {
    return code;
  }

  /** The constant with this code, 0 to 3; they are declared in this order. */
  static Completion of(int code) {
    return ALL[code];
  }
}
