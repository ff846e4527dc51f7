package dev.nestwalk.smmu;

import org.jspecify.annotations.Nullable;

/** Events that a translation can raise (IHI 0070, 7.3). */
public enum EventType {
  /** StreamID out of range or without a table. */
  C_BAD_STREAMID(0x02, "StreamID out of range or without a stream table"),
  /** STE unreadable. */
  F_STE_FETCH(0x03, "stream table entry unreadable"),
  /** STE illegal. */
  C_BAD_STE(0x04, "stream table entry illegal"),
  /** ATS translation request not served. */
  F_BAD_ATS_TREQ(0x05, "ATS translation request where ATS is off"),
  /** Stream disabled. */
  F_STREAM_DISABLED(0x06, "no substream given and S1DSS terminates, or substream 0 reserved"),
  /** Translated request not served. */
  F_TRANSL_FORBIDDEN(0x07, "translated request where it is forbidden"),
  /** SubstreamID not legal. */
  C_BAD_SUBSTREAMID(0x08, "SubstreamID out of range or not enabled"),
  /** CD unreadable. */
  F_CD_FETCH(0x09, "context descriptor unreadable"),
  /** CD illegal. */
  C_BAD_CD(0x0a, "context descriptor illegal"),
  /** Table unreadable. */
  F_WALK_EABT(0x0b, "translation table unreadable"),
  /** No translation. */
  F_TRANSLATION(0x10, "no valid translation"),
  /** Address too large. */
  F_ADDR_SIZE(0x11, "address beyond the output size"),
  /** Access flag clear. */
  F_ACCESS(0x12, "access flag clear"),
  /** Not permitted. */
  F_PERMISSION(0x13, "access not permitted");

  private static final @Nullable EventType[] BY_CODE = new @Nullable EventType[256];

  static {
    for (EventType type : values()) {
      BY_CODE[type.code] = type;
    }
  }

  private final int code;
  private final String condition;

  EventType(int code, String condition) {
    this.code = code;
    this.condition = condition;
  }

  /** The event number. */
  public int code() {
    return code;
  }

  /** What was found, in one line. */
  public String condition() {
    return condition;
  }

  /** The event with this number, or null if no translation raises it. */
  public static @Nullable EventType of(int code) {
    return code >= 0 && code < 256 ? BY_CODE[code] : null;
  }
}
