package dev.nestwalk.teach.decode;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Recognises the events that arm-smmu-v3 drivers print ("event 0x10 received:" and four words, on
 * separate lines or joined, or the decoded form of newer kernels), and errors of the unit itself.
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
          "event: ([A-Z_]+) client: (\\S+) sid: 0x([0-9a-fA-F]{1,8}|0)"
              + " ssid: (?:0x)?([0-9a-fA-F]{1,5})(.*)$");
  private static final Pattern TAIL =
      Pattern.compile(
          "(unpriv|priv) (inst|data) (read|write) s([12]) \"([^\"]*)\"(.*?) stag:"
              + " (?:0x)?([0-9a-fA-F]+)");
  private static final Pattern VALUE =
      Pattern.compile("(iova|ipa|fetch_addr): (?:0x)?([0-9a-fA-F]{1,16})");
  private static final Pattern GLOBAL =
      Pattern.compile("unexpected (?:secure )?global error reported \\(0x([0-9a-fA-F]{1,8})\\)");

  private final long[] words = new long[WORDS];
  private int missing;
  private int patience;

  private @Nullable Matcher named;

  @Override
  public @Nullable Finding line(String line) {
    Matcher global = GLOBAL.matcher(line);
    if (global.find()) {
      return globalError(Long.parseLong(global.group(1), 16));
    }
    Matcher head = HEAD.matcher(line);
    Matcher event = NAMED.matcher(line);
    if (event.find()) {
      Finding before = end();
      named = event;
      return before;
    }
    Matcher before = named;
    Matcher tail = TAIL.matcher(line);
    if (before != null && tail.find()) {
      named = null;
      return named(before, tail);
    }
    if (head.find()) {
      missing = WORDS;
      patience = MOST_LINES;
      return words(WORD.matcher(head.group(2)));
    }
    return missing > 0 && patience-- > 0 ? words(LAST_WORD.matcher(line)) : null;
  }

  private @Nullable Finding words(Matcher word) {
    while (missing > 0 && word.find()) {
      String digits = word.group(1) == null ? word.group(2) : word.group(1);
      words[WORDS - missing--] = Long.parseUnsignedLong(digits, 16);
    }
    if (missing > 0) {
      return null;
    }
    return finding(words.clone());
  }

  static Finding finding(long[] words) {
    return SmmuEvents.of(words).build("SMMUv3 event " + SmmuEvents.event((int) words[0] & 0xff));
  }

  @Override
  public @Nullable Finding end() {
    Matcher event = named;
    named = null;
    return event == null ? null : named(event, null);
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
      flags |=
          tail.group(5).startsWith("Input") ? 0x200 : tail.group(5).startsWith("CD") ? 0 : 0x100;
      long tag =
          Long.parseLong(tail.group(7).substring(0, Math.min(4, tail.group(7).length())), 16);
      record[1] = flags << 32 | tag | (tail.group(6).contains("stall") ? 1L << 31 : 0);
    }
    Finding.Builder finding = SmmuEvents.of(record);
    if (!event.group(2).equals("(unassigned")) {
      finding.fact("client", event.group(2).replaceAll("[^\\x20-\\x7e]", "?"));
    }
    return finding
        .note("the record is put together from the words that the kernel printed")
        .build("SMMUv3 event " + SmmuEvents.event(code));
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
