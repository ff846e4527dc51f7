package dev.nestwalk.teach.decode;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Recognises lines that contain less than a record: QEMU's traces and errors without a reason, and
 * faults of unsupported IOMMUs, which are named with the numbers in them.
 */
final class OtherLines implements FaultLog.LineReader {
  private static final Pattern SMMU_TRACE =
      Pattern.compile(
          "smmuv3_record_event (?:SMMU_EVT_)?([CFE]_[A-Z_]+) sid=0x([0-9a-fA-F]{1,8}+)"
              + Digits.END);
  private static final Pattern SMMU_FAILED =
      Pattern.compile(
          "translation failed for iova=0x([0-9a-fA-F]{1,16}) ?\\(?(?:SMMU_EVT_)?([CFE]_[A-Z_]+)");

  /** QemuLines handles the errors of QEMU's walk, which precede the line with the device. */
  private static final Pattern QEMU =
      Pattern.compile("\\b(vtd_(?!iova_to_)[a-z0-9_]+): ([^\\r\\n]{3,200})");

  private static final Pattern AMD =
      Pattern.compile("AMD-Vi: (?:\\S+ )?Event logged \\[([A-Z_]+)([^\\]]{0,200})");
  private static final Pattern SMMU_V2 =
      Pattern.compile("arm-smmu \\S+: (Unhandled context fault|Unexpected global fault)(.{0,200})");
  private static final Pattern PAIR =
      Pattern.compile(
          "\\b([a-z_]{1,20})\\s?=\\s?((?:0x)?[0-9a-fA-F]{1,16}+(?:[:.][0-9a-fA-F]{1,2}){0,2}+)"
              + Digits.END);

  @Override
  public boolean line(String line, String when, FaultLog.Found found) {
    return found.addAny(finding(line), when);
  }

  private static @Nullable Finding finding(String line) {
    Matcher trace = SMMU_TRACE.matcher(line);
    Matcher failed = SMMU_FAILED.matcher(line);
    if (trace.find()) {
      long[] words = {
        Long.parseLong(trace.group(2), 16) << 32 | Math.max(0, SmmuEvents.code(trace.group(1))),
        0,
        0,
        0
      };
      return SmmuEvents.of(words)
          .note("the trace has no more than event and StreamID; the rest of the record is unknown")
          .build("SMMUv3 event " + SmmuEvents.event((int) words[0] & 0xff));
    }
    if (failed.find()) {
      int code = Math.max(0, SmmuEvents.code(failed.group(2)));
      return new Finding.Builder("smmuv3")
          .source(-1, "?")
          .code(code)
          .fact("event", SmmuEvents.event(code))
          .fact("address", "input 0x" + failed.group(1))
          .advice(Advice.smmu(code, "--source S --iova 0x" + failed.group(1)))
          .build("SMMUv3 event " + SmmuEvents.event(code) + ", as QEMU's walk found it");
    }
    return named(line);
  }

  private static @Nullable Finding named(String line) {
    Matcher qemu = QEMU.matcher(line);
    Matcher amd = AMD.matcher(line);
    Matcher old = SMMU_V2.matcher(line);
    if (amd.find()) {
      return pairs("amd", amd.group(2))
          .note("AMD-Vi is not covered: the numbers are as the kernel printed them")
          .build("AMD-Vi event " + amd.group(1));
    }
    if (old.find()) {
      return pairs("smmuv2", old.group(2))
          .note("SMMUv2 is not covered: the numbers are as the kernel printed them")
          .build("SMMUv2: " + old.group(1));
    }
    if (qemu.find()) {
      String text = qemu.group(2).replaceAll("[^\\x20-\\x7e]", "?").strip();
      return pairs("vtd", text)
          .fact("text", text)
          .note("QEMU's Intel IOMMU says this without a fault reason; the line before may have it")
          .build("QEMU, " + qemu.group(1));
    }
    return null;
  }

  private static Finding.Builder pairs(String family, String text) {
    Finding.Builder finding = new Finding.Builder(family).source(-1, "?");
    Matcher pair = PAIR.matcher(text);
    while (pair.find()) {
      finding.fact(pair.group(1), pair.group(2));
      if (pair.group(1).equals("dev") || pair.group(1).equals("device")) {
        finding.source(-1, pair.group(2));
      }
    }
    return finding;
  }
}
