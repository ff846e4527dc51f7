package dev.nestwalk.smmu;

/**
 * The numbers of the events that a translation can raise (IHI 0070, 7.3), under the specification's
 * names, as used in an event record and in a {@link dev.nestwalk.dma.Translation}. A walk that
 * finds a fault needs only the number; {@link EventType} describes each event.
 */
public final class EventCode {
  /** StreamID out of range or without a stream table. */
  public static final int C_BAD_STREAMID = 0x02;

  /** Stream table entry unreadable. */
  public static final int F_STE_FETCH = 0x03;

  /** Stream table entry illegal. */
  public static final int C_BAD_STE = 0x04;

  /** ATS translation request where ATS is off. */
  public static final int F_BAD_ATS_TREQ = 0x05;

  /** No substream given and S1DSS terminates, or substream 0 reserved. */
  public static final int F_STREAM_DISABLED = 0x06;

  /** Translated request where it is forbidden. */
  public static final int F_TRANSL_FORBIDDEN = 0x07;

  /** SubstreamID out of range or not enabled. */
  public static final int C_BAD_SUBSTREAMID = 0x08;

  /** Context descriptor unreadable. */
  public static final int F_CD_FETCH = 0x09;

  /** Context descriptor illegal. */
  public static final int C_BAD_CD = 0x0a;

  /** Translation table unreadable. */
  public static final int F_WALK_EABT = 0x0b;

  /** No valid translation. */
  public static final int F_TRANSLATION = 0x10;

  /** Address beyond the output size. */
  public static final int F_ADDR_SIZE = 0x11;

  /** Access flag clear. */
  public static final int F_ACCESS = 0x12;

  /** Access not permitted. */
  public static final int F_PERMISSION = 0x13;

  /**
   * Whether an event is one of the translation related faults, for which a transaction can be
   * stalled: {@link #F_TRANSLATION}, {@link #F_ADDR_SIZE}, {@link #F_ACCESS}, {@link #F_PERMISSION}
   * (3.12).
   */
  public static boolean isTranslationFault(int code) {
    return code >= F_TRANSLATION && code <= F_PERMISSION;
  }

  private EventCode() {}
}
