package dev.nestwalk.teach.decode;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Recognises the fault lines of Linux's DMAR driver and of Xen. Old Linux kernels print the reason
 * in decimal and the address without 0x, and break the line before the reason; Xen prints the
 * reason in hexadecimal on a separate line. A fault is held until the lines after it are no dump of
 * the tables.
 */
final class VtdLines implements FaultLog.LineReader {
  private static final String DEVICE =
      "Request device \\[+(?:[0-9a-fA-F]{4,}:)?(?:0x)?([0-9a-fA-F]{2}):"
          + "(?:0x)?([0-9a-fA-F]{2})\\.([0-7])\\]";
  private static final Pattern DMA =
      Pattern.compile(
          "\\[DMA (Read|Write)(?: (NO_PASID)| PASID 0x([0-9a-fA-F]{1,8}))?\\]\\s*"
              + DEVICE
              + "(?: PASID ([0-9a-fA-F]{1,8}))? fault addr (?:0x)?([0-9a-fA-F]{1,16}+)"
              + Digits.END);
  private static final Pattern INTERRUPT =
      Pattern.compile(
          "INTR-REMAP\\]?:?\\s*" + DEVICE + " fault index (?:0x)?([0-9a-fA-F]{1,4}+)" + Digits.END);
  private static final Pattern REASON =
      Pattern.compile("\\[fault reason (0x[0-9a-fA-F]{1,2}|[0-9]{1,3})\\]");
  private static final Pattern XEN_REASON = Pattern.compile("DMAR: reason ([0-9a-fA-F]{2})\\b");
  private static final Pattern STATUS =
      Pattern.compile("DRHD: handling fault status reg (?:0x)?([0-9a-fA-F]{1,8}+)" + Digits.END);

  /** Largest number of other lines between the lines of a dump. */
  private static final int PATIENCE = 4;

  private @Nullable Matcher waiting;
  private boolean interrupt;

  private Finding.@Nullable Builder held;
  private String title = "";
  private String heldAt = "";
  private TableDump dump = new TableDump();
  private int others;

  @Override
  public boolean line(String line, String when, FaultLog.Found found) {
    if (dump.line(line)) {
      if (held == null) {
        hold(VtdFaults.unknown(), "VT-d tables that Linux printed, without the fault before", when);
      }
      others = 0;
      return false;
    }
    Matcher dma = DMA.matcher(line);
    Matcher index = INTERRUPT.matcher(line);
    Matcher status = STATUS.matcher(line);
    if (dma.find()) {
      waiting = dma;
      interrupt = false;
    } else if (index.find()) {
      waiting = index;
      interrupt = true;
    } else if (status.find()) {
      return found.addAny(status(Long.parseLong(status.group(1), 16)), when);
    }
    if (held != null && (!dump.isBegun() || waiting != null || others++ >= PATIENCE)) {
      end(when, found);
    }
    reason(line, when);
    return false;
  }

  /** Holds the fault whose reason is in this line. */
  private void reason(String line, String when) {
    Matcher reason = REASON.matcher(line);
    Matcher xen = XEN_REASON.matcher(line);
    Matcher request = waiting;
    if (request == null || !reason.find() && !xen.find()) {
      return;
    }
    waiting = null;
    boolean old = reason.reset().find();
    String number = old ? reason.group(1) : xen.group(1);
    boolean hex = !old || number.startsWith("0x");
    int code = Integer.parseInt(number.replace("0x", ""), hex ? 16 : 10);
    if (code > 0xff) {
      return;
    }
    Finding.Builder finding = interrupt ? interrupt(request, code) : dma(request, code);
    if (!hex) {
      finding.note("an old kernel: it prints the reason in decimal");
    }
    hold(finding, "VT-d fault " + VtdFaults.reason(code), when);
  }

  private void hold(Finding.Builder finding, String of, String when) {
    held = finding;
    title = of;
    heldAt = when;
    others = 0;
  }

  @Override
  public void end(String when, FaultLog.Found found) {
    Finding.Builder finding = held;
    if (finding == null) {
      return;
    }
    dump.addTo(finding);
    dump = new TableDump();
    held = null;
    found.add(finding.build(title), heldAt);
  }

  private static int source(Matcher request, int group) {
    return Integer.parseInt(request.group(group), 16) << 8
        | (Integer.parseInt(request.group(group + 1), 16) & 31) << 3
        | Integer.parseInt(request.group(group + 2), 8);
  }

  private static Finding.Builder dma(Matcher request, int code) {
    String pasid = request.group(3) == null ? request.group(7) : request.group(3);
    long value = pasid == null ? -1 : Long.parseLong(pasid, 16);
    Finding.Builder finding =
        VtdFaults.translation(
            source(request, 4),
            request.group(1).equals("Write"),
            value,
            Long.parseUnsignedLong(request.group(8), 16),
            code);
    if (value == 0xffff_ffffL) {
      finding.note("PASID ffffffff is how that kernel prints that there was none");
    }
    return finding;
  }

  private static Finding.Builder interrupt(Matcher request, int code) {
    return VtdFaults.interrupt(source(request, 1), Long.parseLong(request.group(4), 16), code);
  }

  private static Finding status(long value) {
    Finding.Builder finding = new Finding.Builder("vtd").fact("FSTS", "0x%x".formatted(value));
    String[] bits = {
      "PFO: a fault was lost, every record was in use",
      "PPF: a record holds a fault",
      "AFO: the advanced fault log overflowed",
      "APF: the advanced fault log holds a fault",
      "IQE: invalidation queue error, the queue has stopped",
      "ICE: invalidation completion error of a device",
      "ITE: invalidation time-out, a device did not answer",
      "PRO: page request queue overflow",
    };
    for (int i = 0; i < bits.length; i++) {
      if ((value >> i & 1) != 0) {
        finding.fact("bit " + i, bits[i]);
      }
    }
    return finding.source(-1, "unit").build("VT-d fault status register (VT-d 11.4.7.1)");
  }
}
