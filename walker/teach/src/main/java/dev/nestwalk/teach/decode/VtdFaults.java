package dev.nestwalk.teach.decode;

import dev.nestwalk.format.Listing;
import dev.nestwalk.teach.Numbers;
import dev.nestwalk.vtd.FaultCode;
import dev.nestwalk.vtd.FaultReason;
import dev.nestwalk.vtd.FaultRecordFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Explains VT-d faults from the words of fault records, and from log lines that describe one. */
final class VtdFaults {
  private static final long NO_PASID = 0xffff_ffffL;
  private static final long LARGEST_PASID = 0xf_ffff;

  private static final Map<String, String> VOID_WITHOUT_PASID =
      Map.of(
          FaultRecordFormat.PV.name(), "PP is 0",
          FaultRecordFormat.EXE.name(), "PP is 0",
          FaultRecordFormat.PRIV.name(), "PP is 0");

  /**
   * Explains a translation fault that a log describes.
   *
   * @param pasid PASID, -1 or 0xffffffff for none; a number above 20 bits is no PASID, and the
   *     finding says so
   */
  static Finding.Builder translation(
      int source, boolean write, long pasid, long address, int reason) {
    boolean with = pasid >= 0 && pasid <= LARGEST_PASID;
    long high = record(source, reason) | (write ? 0 : FaultRecordFormat.T1.mask());
    if (with) {
      high |=
          FaultRecordFormat.PP.mask()
              | pasid << FaultRecordFormat.PV.lo() - 64 & FaultRecordFormat.PV.mask();
    }
    Finding.Builder finding = of(high, address & FaultRecordFormat.FI.mask());
    return pasid == -1 || pasid == NO_PASID || with
        ? finding
        : finding.note("0x%x is no PASID, which has 20 bits: left out".formatted(pasid));
  }

  /** Explains a fault of interrupt remapping, whose index is in FI[63:48]. */
  static Finding.Builder interrupt(int source, long index, int reason) {
    return of(record(source, reason), index << 48);
  }

  private static long record(int source, int reason) {
    return FaultRecordFormat.F.mask()
        | (long) (reason & 0xff) << FaultRecordFormat.FR.lo() - 64
        | source & 0xffff;
  }

  /** Explains a fault record, given as its high and low words. */
  static Finding.Builder of(long high, long low) {
    int source = (int) FaultRecordFormat.SID.get(high);
    int reason = (int) FaultRecordFormat.FR.get(high);
    boolean withPasid = FaultRecordFormat.PP.in(high);
    boolean interrupt = isInterrupt(reason);
    String bdf = Numbers.bdf(source);
    long page = FaultRecordFormat.FI.get(low) << 12;
    Finding.Builder finding =
        new Finding.Builder("vtd").source(source, bdf).code(reason).fact("source", source(source));
    StringBuilder where = new StringBuilder("--source ").append(bdf);
    if (interrupt) {
      finding.fact("request", "interrupt, not a translation");
      finding.fact("index", "0x%x, in FI[63:48]".formatted(low >>> 48));
    } else {
      finding.fact("access", access(high) + (withPasid ? "" : ", no PASID"));
      if (withPasid) {
        long pasid = FaultRecordFormat.PV.get(high);
        finding.fact("PASID", "0x%x".formatted(pasid));
        where.append(" --pasid 0x%x".formatted(pasid));
      }
      int bits = 64 - Long.numberOfLeadingZeros(page);
      boolean width =
          reason == FaultCode.LGN_1
              || reason == FaultCode.SGN_1
              || reason == FaultCode.SGN_4
              || reason == FaultCode.SGN_5;
      finding.fact(
          "address", "page 0x%x".formatted(page) + (width ? ", %d bits".formatted(bits) : ""));
      where.append(" --iova 0x%x".formatted(page));
      where.append(isWrite(high) ? " --write" : "");
    }
    finding.fact("reason", reason(reason));
    finding.fact("record", "word1 0x%016x word0 0x%x".formatted(high, low));
    finding.fields(
        Records.fields(
            Listing.of(FaultRecordFormat.STRUCTURE, Listing.Unnamed.ZERO, ""),
            new long[] {low, high},
            withPasid ? Map.of() : VOID_WITHOUT_PASID));
    if (!FaultRecordFormat.F.in(high)) {
      finding.note("F is 0: the register holds no fault");
    }
    if (reason == FaultCode.LGN_2 || reason == FaultCode.LGN_3) {
      finding.note("in legacy mode an entry that is not there gives the same reason");
    }
    if (FaultReason.of(reason) == null && !interrupt) {
      finding.note("no reason of a translation has this number");
    }
    return finding.advice(Advice.vtd(reason, where.toString()));
  }

  /** A finding without a fault. */
  static Finding.Builder unknown() {
    return new Finding.Builder("vtd").source(-1, "?");
  }

  static String source(int source) {
    return "%s (0x%04x)".formatted(Numbers.bdf(source), source);
  }

  private static boolean isWrite(long high) {
    return !FaultRecordFormat.T1.in(high) && !FaultRecordFormat.T2.in(high);
  }

  private static String access(long high) {
    int type = (FaultRecordFormat.T1.in(high) ? 2 : 0) | (FaultRecordFormat.T2.in(high) ? 1 : 0);
    String word =
        switch (type) {
          case 0 -> "write";
          case 2 -> "read (older units: or atomic)";
          case 3 -> "atomic";
          default -> "page request";
        };
    boolean withPasid = FaultRecordFormat.PP.in(high);
    String how = withPasid && FaultRecordFormat.EXE.in(high) ? ", execute" : "";
    how += withPasid && FaultRecordFormat.PRIV.in(high) ? ", privileged" : "";
    return word
        + how
        + switch ((int) FaultRecordFormat.AT.get(high)) {
          case 1 -> ", translation request";
          case 2 -> ", translated";
          default -> "";
        };
  }

  /** {@code 0x05 LGN.2: write or atomic access without write right (VT-d 7.1.3)}. */
  static String reason(int reason) {
    FaultReason known = FaultReason.of(reason);
    if (known != null) {
      String mode = reason < 0x30 ? "legacy" : stage(reason);
      return "0x%02x %s: %s (%s; VT-d 7.1.3)"
          .formatted(reason, known.mnemonic(), known.condition(), mode);
    }
    String interrupt = interruptReason(reason);
    return interrupt == null
        ? "0x%02x, not known here".formatted(reason)
        : "0x%02x: %s (interrupt remapping; VT-d 7.1.2)".formatted(reason, interrupt);
  }

  private static String stage(int reason) {
    return switch (reason >> 4) {
      case 7 -> reason < 0x78 ? "scalable, first stage" : "scalable, second stage";
      case 9 -> "scalable, first stage";
      default -> "scalable";
    };
  }

  static boolean isInterrupt(int reason) {
    return interruptReason(reason) != null;
  }

  private static @Nullable String interruptReason(int reason) {
    return switch (reason) {
      case 0x20 -> "reserved field set in an interrupt request of the remappable format";
      case 0x21 -> "interrupt index beyond the size of the table (IRTA.S)";
      case 0x22 -> "interrupt remapping table entry not present";
      case 0x23 -> "interrupt remapping table entry unreadable";
      case 0x24 -> "reserved field set in a present interrupt remapping table entry";
      case 0x25 -> "interrupt request of the compatibility format blocked";
      case 0x26 -> "source id not admitted by the interrupt remapping table entry";
      case 0x27 -> "posted interrupt descriptor unreadable";
      case 0x28 -> "reserved field set in a posted interrupt descriptor";
      default -> null;
    };
  }

  private VtdFaults() {}
}
