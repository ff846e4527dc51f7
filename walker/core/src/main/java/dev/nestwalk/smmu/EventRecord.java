package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Event record (IHI 0070, 7.3), 32 bytes. */
public final class EventRecord {
  /** Event number. */
  public static final Field ID = Field.of("ID", 7, 0, "event number");

  /** A SubstreamID was given. */
  public static final Field SSV = Field.bit("SSV", 11, "a SubstreamID was given");

  /** SubstreamID. */
  public static final Field SUBSTREAMID = Field.of("SUBSTREAMID", 31, 12, "SubstreamID");

  /** StreamID. */
  public static final Field STREAMID = Field.of("STREAMID", 63, 32, "StreamID");

  /** Stall tag. */
  public static final Field STAG = Field.of("STAG", 79, 64, "stall tag");

  /** The access waits. */
  public static final Field STALL = Field.bit("STALL", 95, "the access waits");

  /** Privileged. */
  public static final Field PNU = Field.bit("PNU", 97, "0: unprivileged; 1: privileged");

  /** Instruction. */
  public static final Field IND = Field.bit("IND", 98, "0: data; 1: instruction");

  /** Read. */
  public static final Field RNW = Field.bit("RNW", 99, "0: write; 1: read");

  /** Stage 2. */
  public static final Field S2 = Field.bit("S2", 103, "0: stage 1; 1: stage 2");

  /** 0 CD, 1 TT, 2 IN. */
  public static final Field CLASS = Field.of("CLASS", 105, 104, "0 CD, 1 TT, 2 IN");

  /** The walk access that failed was a read. */
  public static final Field TTRNW =
      Field.bit("TTRNW", 108, "the walk access that failed: 0 write, 1 read");

  /** Address as presented. */
  public static final Field INPUTADDR = Field.of("INPUTADDR", 191, 128, "address as presented");

  /** Intermediate address, page. */
  public static final Field IPA = Field.of("IPA", 243, 204, "intermediate address, page");

  /** Cause of a failed fetch, as the implementation defines it. */
  public static final Field REASON = Field.of("REASON", 79, 64, "cause, implementation defined");

  /** Address of the fetch. */
  public static final Field FETCHADDR = Field.of("FETCHADDR", 243, 195, "address of the fetch");

  /** F_TRANSLATION, F_ADDR_SIZE, F_ACCESS, F_PERMISSION; TTRNW in the last only. */
  public static final Structure TRANSLATION =
      Structure.of(
          "Event (translation)",
          "SMMUv3 7.3.13",
          4,
          ID,
          SSV,
          SUBSTREAMID,
          STREAMID,
          STAG,
          STALL,
          PNU,
          IND,
          RNW,
          S2,
          CLASS,
          TTRNW,
          INPUTADDR,
          IPA);

  /** F_WALK_EABT. */
  public static final Structure WALK =
      Structure.of(
          "Event (walk)",
          "SMMUv3 7.3.12",
          4,
          ID,
          SSV,
          SUBSTREAMID,
          STREAMID,
          REASON,
          PNU,
          IND,
          RNW,
          S2,
          CLASS,
          INPUTADDR,
          FETCHADDR);

  /** F_TRANSL_FORBIDDEN and F_BAD_ATS_TREQ; RNW in the former only. */
  public static final Structure FORBIDDEN =
      Structure.of(
          "Event (forbidden request)",
          "SMMUv3 7.3.8",
          4,
          ID,
          SSV,
          SUBSTREAMID,
          STREAMID,
          RNW,
          INPUTADDR);

  /** F_STE_FETCH and F_CD_FETCH. */
  public static final Structure FETCH =
      Structure.of(
          "Event (fetch)", "SMMUv3 7.3", 4, ID, SSV, SUBSTREAMID, STREAMID, REASON, FETCHADDR);

  /** C_BAD_STREAMID, C_BAD_STE, C_BAD_CD and the other events of configuration. */
  public static final Structure CONFIGURATION =
      Structure.of("Event (configuration)", "SMMUv3 7.3", 4, ID, SSV, SUBSTREAMID, STREAMID);

  /** The structure of the event with this number. */
  public static Structure of(int code) {
    EventType type = EventType.of(code);
    if (type == null) {
      return CONFIGURATION;
    }
    return switch (type) {
      case F_BAD_ATS_TREQ, F_TRANSL_FORBIDDEN -> FORBIDDEN;
      case F_TRANSLATION, F_ADDR_SIZE, F_ACCESS, F_PERMISSION -> TRANSLATION;
      case F_STE_FETCH, F_CD_FETCH -> FETCH;
      case F_WALK_EABT -> WALK;
      default -> CONFIGURATION;
    };
  }

  private EventRecord() {}
}
