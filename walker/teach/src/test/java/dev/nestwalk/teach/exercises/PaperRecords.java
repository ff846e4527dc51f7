package dev.nestwalk.teach.exercises;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Answers about records, put together and taken apart bit by bit. */
final class PaperRecords {
  private static final Pattern REQUEST =
      Pattern.compile(
          "(read|write) by (?:StreamID )?(\\S+?)(?: with PASID 0x([0-9a-f]+))?,"
              + " page 0x([0-9a-f]+)");

  static Object solve(Exercise e) {
    return switch (e.kind()) {
      case RECORD_WORD -> word(e);
      case READ_RECORD -> read(e);
      case IS_RECORDED -> recorded(e) ? "recorded" : "not recorded";
      case REFUSED_REQUEST -> refused(e);
      default -> throw new IllegalArgumentException(e.kind().toString());
    };
  }

  private static long word(Exercise e) {
    boolean read = e.fact("access") == 1;
    if (e.format() == Format.VTD) {
      long pasid = e.fact("PASID");
      long record = e.fact("requester") + (e.fact("fault") << 32) + Long.MIN_VALUE;
      record += read ? 1L << 62 : 0;
      return pasid < 0 ? record : record + (1L << 31) + (pasid << 40);
    }
    return (read ? 1L << 35 : 0) + (e.fact("stage") == 2 ? 1L << 39 : 0) + (2L << 40);
  }

  private static String read(Exercise e) {
    List<String> options = ((Answer.Choice) e.answer()).options();
    List<String> fitting = options.stream().filter(option -> fits(e, option)).toList();
    if (fitting.size() != 1) {
      throw new AssertionError(fitting + " fit " + e);
    }
    return fitting.get(0);
  }

  private static boolean fits(Exercise e, String option) {
    Matcher request = REQUEST.matcher(option);
    if (!request.matches()) {
      throw new AssertionError(option);
    }
    boolean read = request.group(1).equals("read");
    long pasid = request.group(3) == null ? -1 : Long.parseLong(request.group(3), 16);
    long page = Long.parseUnsignedLong(request.group(4), 16);
    long w0 = e.fact("word 0");
    long w1 = e.fact("word 1");
    if (e.format() == Format.SMMUV3) {
      long stream = Long.decode(request.group(2));
      return w0 >>> 32 == stream
          && (w1 >> 35 & 1) == (read ? 1 : 0)
          && (e.fact("word 2") & -4096) == page;
    }
    String[] parts = request.group(2).split("[:.]", -1);
    long source =
        Long.parseLong(parts[0], 16) << 8
            | Long.parseLong(parts[1], 16) << 3
            | Long.parseLong(parts[2], 16);
    boolean pasidFits =
        pasid < 0 ? (w1 >> 31 & 1) == 0 : (w1 >> 31 & 1) == 1 && (w1 >> 40 & 0xf_ffff) == pasid;
    return (w1 & 0xffff) == source
        && (w1 >> 62 & 1) == (read ? 1 : 0)
        && pasidFits
        && (w0 & -4096) == page;
  }

  private static boolean recorded(Exercise e) {
    long code = e.fact("fault");
    if (e.format() == Format.SMMUV3) {
      boolean maskable = code >= 0x10 && code <= 0x13;
      return !maskable || e.fact(e.fact("found in stage") == 1 ? "CD.R" : "STE.S2R") == 1;
    }
    boolean beforeContext = code < 0x40;
    boolean beforeEntry = code < 0x58;
    boolean hidden = e.fact("FPD of the context entry") == 1;
    hidden |= !beforeEntry && e.fact("FPD of the PASID table entry") == 1;
    return beforeContext || !hidden;
  }

  private static String refused(Exercise e) {
    boolean wanted = e.fact("asked for") == 1;
    List<String> options = ((Answer.Choice) e.answer()).options();
    List<String> fitting =
        options.stream().filter(o -> PaperWalks.isRefused(e, o) == wanted).toList();
    if (fitting.size() != 1) {
      throw new AssertionError(fitting + " fit " + e);
    }
    return fitting.get(0);
  }

  private PaperRecords() {}
}
