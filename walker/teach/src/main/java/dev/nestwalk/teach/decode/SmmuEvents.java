package dev.nestwalk.teach.decode;

import dev.nestwalk.format.Listing;
import dev.nestwalk.smmu.EventCode;
import dev.nestwalk.smmu.EventRecord;
import dev.nestwalk.smmu.EventType;
import java.util.HashMap;
import java.util.Map;

/** Explains SMMUv3 events from the four words of their records (IHI 0070, 7.3). */
final class SmmuEvents {
  private static final int FIRST_TRANSLATION = 0x10;
  private static final int LAST_TRANSLATION = 0x13;
  private static final int CLASS_CD = 0;
  private static final int CLASS_TT = 1;

  /** Explains an event record of 32 bytes. */
  static Finding.Builder of(long[] words) {
    int code = (int) EventRecord.ID.get(words[0]);
    long stream = EventRecord.STREAMID.get(words[0]);
    String name = name(code);
    String id = "0x%x".formatted(stream);
    Finding.Builder finding =
        new Finding.Builder("smmuv3")
            .source(stream, id)
            .code(code)
            .fact("event", event(code))
            .fact("StreamID", id + (stream < 0x1_0000 ? bdf((int) stream) : ""));
    StringBuilder where = new StringBuilder("--source ").append(id);
    if (EventRecord.SSV.in(words[0])) {
      long substream = EventRecord.SUBSTREAMID.get(words[0]);
      finding.fact("Substream", "0x%x".formatted(substream));
      where.append(" --pasid 0x%x".formatted(substream));
    } else {
      finding.fact("Substream", "none");
    }
    if (code >= FIRST_TRANSLATION && code <= LAST_TRANSLATION || code == 0x0b) {
      translation(finding, code, words, where);
    } else if (code == 0x03 || code == 0x09) {
      finding.fact("fetch", "address 0x%x".formatted(words[3] & EventRecord.FETCHADDR.mask()));
    } else if (code == 0x05 || code == 0x07) {
      finding.fact("address", "input 0x%x".formatted(words[2]));
    }
    finding.fact(
        "record",
        "0x%016x 0x%016x 0x%016x 0x%016x".formatted(words[0], words[1], words[2], words[3]));
    Listing fields = Listing.of(EventRecord.of(code), Listing.Unnamed.UNUSED, "");
    finding.fields(Records.fields(fields, words, voided(code, words)));
    if (name.isEmpty()) {
      finding.note("no event that this library knows has this number");
    }
    return finding.advice(Advice.smmu(code, where.toString()));
  }

  /** Fields that mean nothing in this record, and why. */
  private static Map<String, String> voided(int code, long[] words) {
    Map<String, String> voided = new HashMap<>();
    if (!EventRecord.SSV.in(words[0]) && code != EventCode.C_BAD_SUBSTREAMID) {
      voided.put(EventRecord.SUBSTREAMID.name(), "SSV is 0");
    }
    if (!EventRecord.STALL.in(words[1])) {
      voided.put(EventRecord.STAG.name(), "STALL is 0");
    }
    if (!EventRecord.S2.in(words[1])) {
      voided.put(EventRecord.IPA.name(), "S2 is 0");
    }
    if (code != EventCode.F_PERMISSION || EventRecord.CLASS.get(words[1]) != CLASS_TT) {
      voided.put(EventRecord.TTRNW.name(), "not F_PERMISSION of CLASS TT");
    }
    if (code == EventCode.F_BAD_ATS_TREQ) {
      voided.put(EventRecord.RNW.name(), "F_BAD_ATS_TREQ has no such field");
    }
    return voided;
  }

  private static String bdf(int stream) {
    return ", which is %s if StreamIDs are requester ids"
        .formatted(dev.nestwalk.teach.Numbers.bdf(stream));
  }

  private static void translation(
      Finding.Builder finding, int code, long[] words, StringBuilder where) {
    boolean second = EventRecord.S2.in(words[1]);
    boolean read = EventRecord.RNW.in(words[1]);
    int cls = (int) EventRecord.CLASS.get(words[1]);
    long input = words[2];
    long ipa = words[3] & EventRecord.IPA.mask();
    if (EventRecord.STALL.in(words[1])) {
      finding.fact("stall", "STALL tag 0x%x".formatted(EventRecord.STAG.get(words[1])));
    }
    finding.fact(
        "access",
        "%s %s %s"
            .formatted(
                EventRecord.PNU.in(words[1]) ? "privileged" : "unprivileged",
                EventRecord.IND.in(words[1]) ? "instruction" : "data",
                read ? "read" : "write"));
    finding.fact("where", "stage %d, CLASS %s".formatted(second ? 2 : 1, className(cls)));
    finding.fact("address", "input 0x%x".formatted(input));
    if (code == 0x0b) {
      finding.fact("fetch", "address 0x%x".formatted(words[3] & EventRecord.FETCHADDR.mask()));
    } else if (second) {
      finding.fact("IPA", "0x%x".formatted(ipa));
    }
    where.append(" --iova 0x%x".formatted(input)).append(read ? "" : " --write");
    if (code != 0x0b && !second && ipa != 0) {
      finding.note("S2 is 0, so the IPA word means nothing: this SMMU repeats the page there");
    }
    if ((words[1] & 1L << 32) != 0) {
      finding.note("bit 96 is set, which no field of the architecture names");
    }
    if (code != 0x0b && second && cls == CLASS_CD && ipa == 0 && input != 0) {
      finding.note(
          "CLASS 0 and IPA 0 with S2 = 1 is how QEMU writes a fault of stage 2; with stage 2 alone"
              + " the architecture has CLASS IN (2) and the input's page: 0x%016x 0x%016x 0x%x 0x%x"
                  .formatted(
                      words[0],
                      words[1] | 2L << EventRecord.CLASS.lo() - 64,
                      input,
                      input & EventRecord.IPA.mask()));
    }
  }

  private static String className(int cls) {
    return switch (cls) {
      case 0 -> "CD (context descriptor fetch)";
      case 1 -> "TT (translation table fetch)";
      case 2 -> "IN (input address)";
      default -> "3 (reserved)";
    };
  }

  /** {@code F_TRANSLATION (0x10): no valid translation (IHI 0070, 7.3)}. */
  static String event(int code) {
    EventType type = EventType.of(code);
    String name = name(code);
    return name.isEmpty()
        ? "0x%02x, not known here".formatted(code)
        : "%s (0x%02x)%s (IHI 0070, 7.3)"
            .formatted(name, code, type == null ? "" : ": " + type.condition());
  }

  static String name(int code) {
    EventType type = EventType.of(code);
    if (type != null) {
      return type.name();
    }
    return switch (code) {
      case 0x01 -> "F_UUT";
      case 0x20 -> "F_TLB_CONFLICT";
      case 0x21 -> "F_CFG_CONFLICT";
      case 0x24 -> "E_PAGE_REQUEST";
      case 0x25 -> "F_VMS_FETCH";
      default -> "";
    };
  }

  /** Number of the event that Linux prints by name, or -1. */
  static int code(String name) {
    for (int code = 0; code < 256; code++) {
      if (name(code).equals(name)) {
        return code;
      }
    }
    return -1;
  }

  private SmmuEvents() {}
}
