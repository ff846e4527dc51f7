package dev.nestwalk.smmu;

import org.jspecify.annotations.Nullable;

/** Events that a translation can raise (IHI 0070, 7.3). */
public enum EventType {
  /** StreamID out of range or without a table. */
  C_BAD_STREAMID(EventCode.C_BAD_STREAMID, "StreamID out of range or without a stream table"),
  /** STE unreadable. */
  F_STE_FETCH(EventCode.F_STE_FETCH, "stream table entry unreadable"),
  /** STE illegal. */
  C_BAD_STE(EventCode.C_BAD_STE, "stream table entry illegal"),
  /** ATS translation request not served. */
  F_BAD_ATS_TREQ(EventCode.F_BAD_ATS_TREQ, "ATS translation request where ATS is off"),
  /** Stream disabled. */
  F_STREAM_DISABLED(
      EventCode.F_STREAM_DISABLED,
      "no substream given and S1DSS terminates, or substream 0 reserved"),
  /** Translated request not served. */
  F_TRANSL_FORBIDDEN(EventCode.F_TRANSL_FORBIDDEN, "translated request where it is forbidden"),
  /** SubstreamID not legal. */
  C_BAD_SUBSTREAMID(EventCode.C_BAD_SUBSTREAMID, "SubstreamID out of range or not enabled"),
  /** CD unreadable. */
  F_CD_FETCH(EventCode.F_CD_FETCH, "context descriptor unreadable"),
  /** CD illegal. */
  C_BAD_CD(EventCode.C_BAD_CD, "context descriptor illegal"),
  /** Table unreadable. */
  F_WALK_EABT(EventCode.F_WALK_EABT, "translation table unreadable"),
  /** No translation. */
  F_TRANSLATION(EventCode.F_TRANSLATION, "no valid translation"),
  /** Address too large. */
  F_ADDR_SIZE(EventCode.F_ADDR_SIZE, "address beyond the output size"),
  /** Access flag clear. */
  F_ACCESS(EventCode.F_ACCESS, "access flag clear"),
  /** Not permitted. */
  F_PERMISSION(EventCode.F_PERMISSION, "access not permitted");

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

  /** What was found, in words. */
  public String condition() {
    return condition;
  }

  /** The event with this number, or null if no translation raises it. */
  public static @Nullable EventType of(int code) {
    return code >= 0 && code < 256 ? BY_CODE[code] : null;
  }
}
