package dev.nestwalk.teach.decode;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Recognises the events that arm-smmu-v3 drivers print ("event 0x10 received:" and four words, on
 * separate lines or joined; the decoded form of newer kernels, alone or after the words), and
 * errors of the unit itself. An event is held until the lines after it are no decoded form of it.
 */
final class SmmuLines implements FaultLog.LineReader {
  private static final int WORDS = 4;
  private static final int MOST_LINES = 8;
  private static final Pattern HEAD = Pattern.compile("event 0x([0-9a-fA-F]{1,2}) received:?(.*)$");
  private static final Pattern WORD =
      Pattern.compile("(?:^|[\\s/,:])(?:0x([0-9a-fA-F]{1,16})|(0))(?=$|[\\s/,])");

  /** A word on a line of its own; other lines may come between. */
  private static final Pattern LAST_WORD = Pattern.compile("(?:^|\\s)0x([0-9a-fA-F]{16})()\\s*$");

  private static final Pattern NAMED =
      Pattern.compile(
          "event: ([A-Z_]+) client: (\\(unassigned sid\\)|\\S+) sid: (?:0x)?([0-9a-fA-F]{1,8})"
              + " ssid: (?:0x)?([0-9a-fA-F]{1,5}+)"
              + Digits.END
              + "(.*)$");
  private static final Pattern TAIL =
      Pattern.compile(
          "(unpriv|priv) (inst|data) (read|write) s([12]) \"([^\"]*)\"(.*?) stag:"
              + " (?:0x)?([0-9a-fA-F]{1,4}+)"
              + Digits.END);
  private static final Pattern VALUE =
      Pattern.compile("(iova|ipa|fetch_addr): (?:0x)?([0-9a-fA-F]{1,16}+)" + Digits.END);
  private static final Pattern GLOBAL =
      Pattern.compile("unexpected (?:secure )?global error reported \\(0x([0-9a-fA-F]{1,8})\\)");

  private static final Pattern LOST =
      Pattern.compile("(EVT|PRI)Q overflow detected -- (?:events|requests) lost");
  private static final Pattern PAGE_REQUEST =
      Pattern.compile(
          "sid 0x([0-9a-fA-F]{8})\\.0x([0-9a-fA-F]{5}): \\[([0-9]{1,3})(L?)\\] (un)?privileged"
              + " (R?W?X?) access at iova 0x([0-9a-fA-F]{16})"
              + Digits.END);

  private final long[] words = new long[WORDS];
  private int missing;
  private int patience;

  private @Nullable Matcher named;
  private @Nullable Matcher tail;
  private long @Nullable [] record;
  private String heldAt = "";

  @Override
  public boolean line(String line, String when, FaultLog.Found found) {
    if (found.addAny(ofUnit(line), when)) {
      return true;
    }
    Matcher event = NAMED.matcher(line);
    Matcher rest = TAIL.matcher(line);
    if (event.find()) {
      named(event, when, found);
      return false;
    }
    if (named != null && tail == null && rest.find()) {
      tail = rest;
      return false;
    }
    end(when, found);
    Matcher head = HEAD.matcher(line);
    if (head.find()) {
      missing = WORDS;
      patience = MOST_LINES;
      words(WORD.matcher(head.group(2)), when);
    } else if (missing > 0 && patience-- > 0) {
      words(LAST_WORD.matcher(line), when);
    }
    return false;
  }

  /** Takes a decoded line: it belongs to the event that is held if both have one StreamID. */
  private void named(Matcher event, String when, FaultLog.Found found) {
    long[] raw = record;
    if (raw != null && named == null && raw[0] >>> 32 == Long.parseLong(event.group(3), 16)) {
      named = event;
      return;
    }
    end(when, found);
    named = event;
    heldAt = when;
  }

  private void words(Matcher word, String when) {
    while (missing > 0 && word.find()) {
      String digits = word.group(1) == null ? word.group(2) : word.group(1);
      words[WORDS - missing--] = Long.parseUnsignedLong(digits, 16);
      if (missing == 0) {
        record = words.clone();
        heldAt = when;
      }
    }
  }

  static Finding finding(long[] words) {
    return SmmuEvents.of(words).build("SMMUv3 event " + SmmuEvents.event((int) words[0] & 0xff));
  }

  @Override
  public void end(String when, FaultLog.Found found) {
    found.addAny(held(), heldAt);
  }

  /** The event whose lines are complete, if there is one; it is held no more. */
  private @Nullable Finding held() {
    Matcher event = named;
    Matcher rest = tail;
    long[] raw = record;
    named = null;
    tail = null;
    record = null;
    if (raw == null) {
      return event == null ? null : named(event, rest);
    }
    Finding.Builder finding = SmmuEvents.of(raw);
    if (event != null) {
      client(finding, event);
    }
    return finding.build("SMMUv3 event " + SmmuEvents.event((int) raw[0] & 0xff));
  }

  private static void client(Finding.Builder finding, Matcher event) {
    if (event.group(2).startsWith("(unassigned")) {
      finding.note("no driver has registered a device with this StreamID");
    } else {
      finding.fact("client", event.group(2).replaceAll("[^\\x20-\\x7e]", "?"));
    }
  }

  /** What the unit itself reports, beside events. */
  private static @Nullable Finding ofUnit(String line) {
    Matcher global = GLOBAL.matcher(line);
    Matcher request = PAGE_REQUEST.matcher(line);
    Matcher lost = LOST.matcher(line);
    if (global.find()) {
      return globalError(Long.parseLong(global.group(1), 16));
    }
    if (lost.find()) {
      boolean events = lost.group(1).equals("EVT");
      return new Finding.Builder("smmuv3")
          .source(-1, "unit")
          .fact("queue", "full: %s were lost".formatted(events ? "events" : "page requests"))
          .build(
              events
                  ? "SMMUv3 event queue overflow (IHI 0070, 7.4)"
                  : "SMMUv3 page request queue overflow (IHI 0070, 8.1)");
    }
    return request.find() ? pageRequest(request) : null;
  }

  private static Finding pageRequest(Matcher request) {
    long stream = Long.parseLong(request.group(1), 16);
    String id = "0x%x".formatted(stream);
    return new Finding.Builder("smmuv3")
        .source(stream, id)
        .fact("StreamID", id)
        .fact("Substream", "0x%x".formatted(Long.parseLong(request.group(2), 16)))
        .fact("group", request.group(3) + (request.group(4).isEmpty() ? "" : ", its last request"))
        .fact(
            "access",
            "%sprivileged %s".formatted(request.group(5) == null ? "" : "un", request.group(6)))
        .fact("address", "input 0x%x".formatted(Long.parseUnsignedLong(request.group(7), 16)))
        .note("no driver handles the page requests of this StreamID: they are denied")
        .build("SMMUv3 page request that nobody handles (IHI 0070, 8)");
  }

  /** Explains a decoded line. */
  private static Finding named(Matcher event, @Nullable Matcher tail) {
    int code = Math.max(0, SmmuEvents.code(event.group(1)));
    long substream = Long.parseLong(event.group(4), 16);
    long[] record = new long[WORDS];
    record[0] = Long.parseLong(event.group(3), 16) << 32 | code;
    if (substream != 0) {
      record[0] |= substream << 12 | 1 << 11;
    }
    Matcher value = VALUE.matcher(event.group(5));
    while (value.find()) {
      long number = Long.parseUnsignedLong(value.group(2), 16);
      record[value.group(1).equals("iova") ? 2 : 3] = number;
    }
    if (tail != null) {
      long flags = tail.group(1).equals("priv") ? 2 : 0;
      flags |= tail.group(2).equals("inst") ? 4 : 0;
      flags |= tail.group(3).equals("read") ? 8 : 0;
      flags |= tail.group(4).equals("2") ? 0x80 : 0;
      flags |= (long) cause(tail.group(5)) << 8;
      flags |= tail.group(6).contains("ttd_read") ? 0x1000 : 0;
      long tag = Long.parseLong(tail.group(7), 16);
      record[1] = flags << 32 | tag | (tail.group(6).contains("stall") ? 1L << 31 : 0);
    }
    Finding.Builder finding = SmmuEvents.of(record);
    client(finding, event);
    return finding
        .note("the record is put together from the words that the kernel printed")
        .build("SMMUv3 event " + SmmuEvents.event(code));
  }

  /** CLASS by the driver's words for it: CD, TT, IN, or the reserved value. */
  private static int cause(String words) {
    return words.startsWith("CD")
        ? 0
        : words.startsWith("Input") ? 2 : words.startsWith("Reserved") ? 3 : 1;
  }

  private static Finding globalError(long value) {
    String[] bits = {
      "CMDQ_ERR: the command queue has stopped at a command; CMDQ_CONS.ERR tells why",
      "",
      "EVENTQ_ABT_ERR: an event could not be written",
      "PRIQ_ABT_ERR: a page request could not be written",
      "MSI_CMDQ_ABT_ERR: the MSI of CMD_SYNC could not be written",
      "MSI_EVENTQ_ABT_ERR: the event queue's MSI could not be written",
      "MSI_PRIQ_ABT_ERR: the page request queue's MSI could not be written",
      "MSI_GERROR_ABT_ERR: the error's own MSI could not be written",
      "SFM_ERR: service failure mode, the SMMU has stopped",
    };
    Finding.Builder finding =
        new Finding.Builder("smmuv3").source(-1, "unit").fact("GERROR", "0x%x".formatted(value));
    for (int i = 0; i < bits.length; i++) {
      if ((value >> i & 1) != 0 && !bits[i].isEmpty()) {
        finding.fact("bit " + i, bits[i]);
      }
    }
    return finding.build("SMMUv3 global error (IHI 0070, 6.3.18)");
  }
}
