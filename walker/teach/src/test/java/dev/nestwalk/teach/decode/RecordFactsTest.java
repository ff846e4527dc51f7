package dev.nestwalk.teach.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * What is said of a record follows from its words, for every event number and fault reason: each
 * fact, each note, and the command that is proposed are put together here once more, by plain
 * shifts from the specifications (IHI 0070, 7.3; VT-d 11.4.9.1).
 */
class RecordFactsTest {
  private static final int RECORDS = 100;

  private static final Map<Integer, String> EVENTS =
      Map.ofEntries(
          Map.entry(0x01, "F_UUT"),
          Map.entry(0x02, "C_BAD_STREAMID"),
          Map.entry(0x03, "F_STE_FETCH"),
          Map.entry(0x04, "C_BAD_STE"),
          Map.entry(0x05, "F_BAD_ATS_TREQ"),
          Map.entry(0x06, "F_STREAM_DISABLED"),
          Map.entry(0x07, "F_TRANSL_FORBIDDEN"),
          Map.entry(0x08, "C_BAD_SUBSTREAMID"),
          Map.entry(0x09, "F_CD_FETCH"),
          Map.entry(0x0a, "C_BAD_CD"),
          Map.entry(0x0b, "F_WALK_EABT"),
          Map.entry(0x10, "F_TRANSLATION"),
          Map.entry(0x11, "F_ADDR_SIZE"),
          Map.entry(0x12, "F_ACCESS"),
          Map.entry(0x13, "F_PERMISSION"),
          Map.entry(0x20, "F_TLB_CONFLICT"),
          Map.entry(0x21, "F_CFG_CONFLICT"),
          Map.entry(0x24, "E_PAGE_REQUEST"),
          Map.entry(0x25, "F_VMS_FETCH"));

  private static final long PAGES = (1L << 52) - 4096;

  private static String bdf(long source) {
    return "%02x:%02x.%d".formatted(source >> 8, source >> 3 & 31, source & 7);
  }

  /** A word of which about every second, eighth or no bit is set. */
  private static long word(SplittableRandom random) {
    long word = random.nextLong();
    return switch (random.nextInt(4)) {
      case 0 -> 0;
      case 1 -> word & random.nextLong() & random.nextLong();
      default -> word;
    };
  }

  @Test
  void anEventSaysWhatItsWordsHold() {
    SplittableRandom random = new SplittableRandom(73);
    for (int code = 0; code < 0x30; code++) {
      for (int n = 0; n < RECORDS; n++) {
        // StreamIDs around the largest that can be a requester id, and others.
        long stream = n < 3 ? 0xffff + n : random.nextLong() >>> 32 + random.nextInt(32);
        long[] words = {
          stream << 32 | word(random) & 0xffff_ff00L | code,
          word(random),
          word(random),
          word(random)
        };
        Finding finding = SmmuLines.finding(words);
        assertEquals(code, finding.code());
        assertEquals(stream, finding.source());
        assertEquals(facts(code, words), facts(finding), finding::text);
        assertEquals(notes(code, words), finding.notes(), finding::text);
        assertTrue(
            finding.next().get(0).contains(where(code, words) + " on a dump"), finding::text);
      }
    }
  }

  /** Facts in their order; of the event, what stands before its description. */
  private static Map<String, String> facts(Finding finding) {
    Map<String, String> facts = new LinkedHashMap<>(finding.facts());
    facts.replace("event", String.valueOf(facts.get("event")).split("[:,]| \\(IHI", -1)[0]);
    facts.replace("reason", String.valueOf(facts.get("reason")).split("[ :,]", -1)[0]);
    return facts;
  }

  private static boolean isTranslation(int code) {
    return code >= 0x10 && code <= 0x13;
  }

  private static String hex(long value) {
    return "0x%x".formatted(value);
  }

  private static Map<String, String> facts(int code, long[] words) {
    Map<String, String> facts = new LinkedHashMap<>();
    String name = EVENTS.get(code);
    facts.put(
        "event", name == null ? "0x%02x".formatted(code) : "%s (0x%02x)".formatted(name, code));
    long stream = words[0] >>> 32;
    String function = ", which is %s if StreamIDs are requester ids".formatted(bdf(stream));
    facts.put("StreamID", hex(stream) + (stream <= 0xffff ? function : ""));
    boolean substream = (words[0] >>> 11 & 1) != 0;
    facts.put("Substream", substream ? hex(words[0] >>> 12 & 0xf_ffff) : "none");
    long flags = words[1] >>> 32;
    String fetch = "address " + hex(words[3] & (1L << 52) - 8);
    if (isTranslation(code) || code == 0x0b) {
      if ((words[1] >>> 31 & 1) != 0) {
        facts.put("stall", "STALL tag " + hex(words[1] & 0xffff));
      }
      String privilege = (flags & 2) != 0 ? "privileged " : "unprivileged ";
      String what = (flags & 4) != 0 ? "instruction " : "data ";
      facts.put("access", privilege + what + ((flags & 8) != 0 ? "read" : "write"));
      String[] classes = {
        "CD (context descriptor fetch)",
        "TT (translation table fetch)",
        "IN (input address)",
        "3 (reserved)"
      };
      int stage = (flags & 0x80) != 0 ? 2 : 1;
      facts.put("where", "stage %d, CLASS %s".formatted(stage, classes[(int) (flags >>> 8 & 3)]));
      facts.put("address", "input " + hex(words[2]));
      if (code == 0x0b) {
        facts.put("fetch", fetch);
      } else if (stage == 2) {
        facts.put("IPA", hex(words[3] & PAGES));
      }
    } else if (code == 3 || code == 9) {
      facts.put("fetch", fetch);
    } else if (code == 5 || code == 7) {
      facts.put("address", "input " + hex(words[2]));
    }
    facts.put(
        "record",
        "0x%016x 0x%016x 0x%016x 0x%016x".formatted(words[0], words[1], words[2], words[3]));
    return facts;
  }

  private static String where(int code, long[] words) {
    String where = "--source " + hex(words[0] >>> 32);
    if ((words[0] >>> 11 & 1) != 0) {
      where += " --pasid " + hex(words[0] >>> 12 & 0xf_ffff);
    }
    if (isTranslation(code) || code == 0x0b) {
      where += " --iova " + hex(words[2]) + ((words[1] >>> 35 & 1) != 0 ? "" : " --write");
    }
    return where;
  }

  private static List<String> notes(int code, long[] words) {
    List<String> notes = new ArrayList<>();
    boolean second = (words[1] >>> 39 & 1) != 0;
    long ipa = words[3] & PAGES;
    if (isTranslation(code) && !second && ipa != 0) {
      notes.add("S2 is 0, so the IPA word means nothing: this SMMU repeats the page there");
    }
    if ((isTranslation(code) || code == 0x0b) && (words[1] >>> 32 & 1) != 0) {
      notes.add("bit 96 is set, which no field of the architecture names");
    }
    if (isTranslation(code) && second && (words[1] >>> 40 & 3) == 0 && ipa == 0 && words[2] != 0) {
      notes.add(
          "CLASS 0 and IPA 0 with S2 = 1 is how QEMU writes a fault of stage 2; with stage 2 alone"
              + " the architecture has CLASS IN (2) and the input's page: 0x%016x 0x%016x 0x%x 0x%x"
                  .formatted(words[0], words[1] | 2L << 40, words[2], words[2] & PAGES));
    }
    if (!EVENTS.containsKey(code)) {
      notes.add("no event that this library knows has this number");
    }
    return notes;
  }

  @Test
  void aFaultRecordSaysWhatItsWordsHold() {
    SplittableRandom random = new SplittableRandom(1149);
    for (int reason = 0; reason < 256; reason++) {
      for (int n = 0; n < RECORDS; n++) {
        long high = word(random) & ~(255L << 32) | (long) reason << 32;
        long low = word(random);
        Finding finding = VtdFaults.of(high, low).build("a fault");
        assertEquals(reason, finding.code());
        assertEquals(high & 0xffff, finding.source());
        assertEquals(faultFacts(reason, high, low), facts(finding), finding::text);
        assertEquals(
            (high >>> 63) == 0, finding.notes().contains("F is 0: the register holds no fault"));
        assertEquals(
            reason == 5 || reason == 6,
            finding
                .notes()
                .contains("in legacy mode an entry that is not there gives the same" + " reason"));
        if (!isInterrupt(reason)) {
          String where = faultWhere(high, low);
          assertTrue(finding.next().get(0).contains(where + " on a dump"), finding::text);
        }
      }
    }
  }

  /** VT-d 7.1.2. */
  private static boolean isInterrupt(int reason) {
    return reason >= 0x20 && reason <= 0x28;
  }

  private static Map<String, String> faultFacts(int reason, long high, long low) {
    Map<String, String> facts = new LinkedHashMap<>();
    long source = high & 0xffff;
    facts.put("source", "%s (0x%04x)".formatted(bdf(source), source));
    boolean process = (high >>> 31 & 1) != 0;
    if (isInterrupt(reason)) {
      facts.put("request", "interrupt, not a translation");
      facts.put("index", hex(low >>> 48) + ", in FI[63:48]");
    } else {
      String[] types = {"write", "page request", "read (older units: or atomic)", "atomic"};
      String access = types[(int) (high >>> 62 & 1) << 1 | (int) (high >>> 28 & 1)];
      access += process && (high >>> 30 & 1) != 0 ? ", execute" : "";
      access += process && (high >>> 29 & 1) != 0 ? ", privileged" : "";
      access +=
          new String[] {"", ", translation request", ", translated", ""}[(int) (high >>> 60 & 3)];
      facts.put("access", access + (process ? "" : ", no PASID"));
      if (process) {
        facts.put("PASID", hex(high >>> 40 & 0xf_ffff));
      }
      long page = low & -4096;
      boolean width = reason == 4 || reason == 0x80 || reason == 0x83 || reason == 0x84;
      String bits = ", %d bits".formatted(64 - Long.numberOfLeadingZeros(page));
      facts.put("address", "page " + hex(page) + (width ? bits : ""));
    }
    facts.put("reason", "0x%02x".formatted(reason));
    facts.put("record", "word1 0x%016x word0 0x%x".formatted(high, low));
    return facts;
  }

  private static String faultWhere(long high, long low) {
    String where = "--source " + bdf(high & 0xffff);
    where += (high >>> 31 & 1) != 0 ? " --pasid " + hex(high >>> 40 & 0xf_ffff) : "";
    boolean write = (high >>> 62 & 1) == 0 && (high >>> 28 & 1) == 0;
    return where + " --iova " + hex(low & -4096) + (write ? " --write" : "");
  }

  /** What a log tells of a request is what a record with these fields says. */
  @Test
  void aFaultOfALogIsTheRecordOfItsFields() {
    SplittableRandom random = new SplittableRandom(3);
    for (int n = 0; n < 1000; n++) {
      int source = random.nextInt(1 << 16);
      int reason = random.nextInt(256);
      boolean write = random.nextBoolean();
      long pasid = n % 3 == 0 ? -1 : n % 3 == 1 ? 0xffff_ffffL : random.nextInt(1 << 20);
      long address = random.nextLong();
      long high = 1L << 63 | (write ? 0 : 1L << 62) | (long) reason << 32 | source;
      high |= pasid >= 0 && pasid < 1 << 20 ? pasid << 40 | 1L << 31 : 0;
      assertEquals(
          VtdFaults.of(high, address & -4096).build("a fault"),
          VtdFaults.translation(source, write, pasid, address, reason).build("a fault"));
    }
  }
}
