package dev.nestwalk.teach.decode;

import dev.nestwalk.vtd.FaultCode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Recognises the messages of QEMU's Intel IOMMU: error lines of its walk, followed by a line with
 * the device, and the trace events of fault records.
 */
final class QemuLines implements FaultLog.LineReader {
  private static final Pattern WALK =
      Pattern.compile(
          "vtd_iova_to_(?:slpte|flpte|sspte|fspte|pte)\\w*: detected ([\\w"
              + " -]+?)\\s*[(:]?\\s*(?=\\(?iova\\s*[=:]\\s*(?:0x)?[0-9a-fA-F]{1,16}+"
              + Digits.END
              + ")(?!.*[0-9a-fA-F]{17})");
  private static final Pattern DEVICE =
      Pattern.compile("dev=([0-9a-fA-F]{2}):([0-9a-fA-F]{2})[:.]([0-9a-fA-F]{1,2}+)" + Digits.END);
  private static final Pattern PAIR =
      Pattern.compile(
          "\\b(iova|level|slpte|pte|write|pasid|fpte|flpte)\\s*[=:]\\s*(?:0x)?([0-9a-fA-F]{1,16}+)"
              + Digits.END);
  private static final Pattern TRACE =
      Pattern.compile(
          "vtd_dmar_fault\\b.*?sid 0x([0-9a-fA-F]{1,4}) fault ([0-9]{1,3}) addr"
              + " 0x([0-9a-fA-F]{1,16}) write ([01])\\b");
  private static final Pattern RECORD =
      Pattern.compile(
          "vtd_frr_new\\b.*?high 0x([0-9a-fA-F]{1,16}) low 0x([0-9a-fA-F]{1,16}+)" + Digits.END);

  private @Nullable String waiting;

  @Override
  public boolean line(String line, String when, FaultLog.Found found) {
    return found.addAny(finding(line), when);
  }

  private @Nullable Finding finding(String line) {
    Matcher trace = TRACE.matcher(line);
    if (trace.find()) {
      int code = Integer.parseInt(trace.group(2));
      if (code > 0xff) {
        return null;
      }
      return VtdFaults.translation(
              Integer.parseInt(trace.group(1), 16),
              trace.group(4).equals("1"),
              -1,
              Long.parseUnsignedLong(trace.group(3), 16),
              code)
          .build("VT-d fault " + VtdFaults.reason(code));
    }
    Matcher record = RECORD.matcher(line);
    if (record.find()) {
      long high = Long.parseUnsignedLong(record.group(1), 16);
      return VtdFaults.of(high, Long.parseUnsignedLong(record.group(2), 16))
          .build("VT-d fault " + VtdFaults.reason((int) (high >>> 32) & 0xff));
    }
    Finding before = null;
    if (WALK.matcher(line).find()) {
      before = waiting();
      waiting = line;
    }
    if (waiting != null && DEVICE.matcher(line).find()) {
      Finding found = walk(waiting, line);
      waiting = null;
      return found;
    }
    return before;
  }

  @Override
  public void end(String when, FaultLog.Found found) {
    found.addAny(waiting(), when);
  }

  /** The walk whose device no line has told, if there is one. */
  private @Nullable Finding waiting() {
    String line = waiting;
    waiting = null;
    return line == null ? null : walk(line, "");
  }

  private static @Nullable Long number(String line, String name) {
    Matcher pair = PAIR.matcher(line);
    while (pair.find()) {
      if (pair.group(1).equals(name)) {
        return Long.parseUnsignedLong(pair.group(2), 16);
      }
    }
    return null;
  }

  private static Finding walk(String line, String deviceLine) {
    Matcher walk = WALK.matcher(line);
    String what = walk.find() ? walk.group(1) : "";
    boolean first = line.contains("flpte") || line.contains("fspte");
    Long write = number(line, "write");
    Long iova = number(line, "iova");
    Long pasid = number(line, "pasid");
    Long level = number(line, "level");
    String entryName = line.contains("slpte=") ? "slpte" : first ? "flpte" : "pte";
    Long entry = number(line, entryName);
    Matcher device = DEVICE.matcher(deviceLine);
    int source =
        device.find()
            ? Integer.parseInt(device.group(1), 16) << 8
                | (Integer.parseInt(device.group(2), 16) & 31) << 3
                | Integer.parseInt(device.group(3), 16) & 7
            : -1;
    boolean absent = entry != null && entry == 0;
    boolean writes = write != null && write == 1;
    int legacy = code(what, writes, true, absent, first);
    Finding.Builder finding =
        VtdFaults.translation(
            Math.max(source, 0),
            writes,
            pasid == null ? -1 : pasid,
            iova == null ? 0 : iova,
            legacy);
    if (source < 0) {
      finding.source(-1, "?").fact("source", "not in these lines; QEMU prints it after them");
    }
    if (level != null && entry != null) {
      finding.fact(
          "entry",
          "level %d of the %s stage, 0x%x%s"
              .formatted(level, first ? "first" : "second", entry, absent ? ", absent" : ""));
    }
    int scalable = code(what, writes, false, absent, first);
    if (scalable != legacy) {
      finding.note(
          "these are the reason and record of legacy mode; in scalable mode the specification has "
              + VtdFaults.reason(scalable));
    }
    return finding.build("VT-d fault " + VtdFaults.reason(legacy) + ", as QEMU's walk found it");
  }

  /** The fault reason for an error of QEMU. */
  private static int code(
      String what, boolean write, boolean legacy, boolean absent, boolean first) {
    if (what.contains("canonical")) {
      return FaultCode.SGN_1;
    }
    if (what.contains("overflow") || what.contains("IOVA")) {
      return legacy ? FaultCode.LGN_1 : FaultCode.SGN_5;
    }
    if (what.contains("reserve")) {
      return first ? FaultCode.SFS_3 : legacy ? FaultCode.LSS_2 : FaultCode.SSS_3;
    }
    if (legacy && !first) {
      return write ? FaultCode.LGN_2 : FaultCode.LGN_3;
    }
    if (absent) {
      return first ? FaultCode.SFS_2 : FaultCode.SSS_2;
    }
    return write ? FaultCode.SGN_6 : FaultCode.SGN_7;
  }
}
