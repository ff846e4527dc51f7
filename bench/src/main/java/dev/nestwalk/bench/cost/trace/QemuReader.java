package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.DmaOp;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Trace events of QEMU's IOMMUs (its files hw/i386/trace-events and hw/arm/trace-events of 3.0 to
 * 11.1). Each translation is one access; how many bytes it has is not told, so it is one. What was
 * bypassed or aborted is left out.
 *
 * <p>PASID-based invalidations, which software of a first stage uses, are events of their own from
 * 7.2 on; releases that have a first stage (10.0 and later) show them as descriptors alone. No
 * event tells the PASID of a DMA, so that what names a PASID concerns all of them.
 *
 * <p>HyperSIO's log collector has QEMU write {@code vtd_iotlb_page_hit} and {@code
 * vtd_iotlb_page_update}, one of the two for each DMA. A log with those and {@code
 * vtd_dmar_translate} tells each DMA twice; so one form reads these, the other those.
 */
final class QemuReader implements OpReader {
  // Sought, not matched from the beginning, and of bounded length: long lines take linear time.
  private static final Pattern NAME = Pattern.compile("(?:vtd|smmuv3)_[a-z0-9_]{1,60}");
  private static final Pattern CLOCK = Pattern.compile("(\\d{1,12})\\.(\\d{6}):");
  private static final Pattern VTD =
      Pattern.compile(
          "dev ([0-9a-f]{1,2}):([0-9a-f]{1,2})\\.([0-9a-f]{1,2}) iova 0x([0-9a-f]{1,17})");
  private static final Pattern IOTLB =
      Pattern.compile("\\bsid 0x([0-9a-f]{1,17}) iova 0x([0-9a-f]{1,17})");
  private static final Pattern SMMU =
      Pattern.compile(
          "\\bsid=(0x)?([0-9a-f]{1,17}) iova=0x([0-9a-f]{1,17}) .{0,60}?\\bperm=0x([0-9a-f]{1,8})");
  private static final Pattern VTD_PAGES =
      Pattern.compile("\\baddr 0x([0-9a-f]{1,17}) mask 0x([0-9a-f]{1,8})");
  private static final Pattern DESCRIPTOR =
      Pattern.compile("\\btype p-iotlb high 0x([0-9a-f]{1,17}) low 0x([0-9a-f]{1,17})");
  private static final Pattern ADDRESS = Pattern.compile("\\baddr=0x([0-9a-f]{1,17})");
  private static final Pattern RANGE =
      Pattern.compile("\\baddr=0x([0-9a-f]{1,17}) tg=(\\d{1,9}) num_pages=0x([0-9a-f]{1,17})");
  private static final int PAGE = 4096;
  private static final int WRITE_ALONE = 2;
  private static final int MOST_ORDER = 51;
  private static final int MICROSECONDS = 1_000_000;

  private final TraceLines lines;
  private final boolean hyperSio;
  private long begin = -1;
  private long time;
  private long skipped;
  private long found;

  QemuReader(TraceLines lines, boolean hyperSio) {
    this.lines = lines;
    this.hyperSio = hyperSio;
  }

  @Override
  public long skipped() {
    return skipped;
  }

  @Override
  public @Nullable DmaOp next() throws IOException {
    for (String line = lines.next(); line != null; line = lines.next()) {
      Matcher name = NAME.matcher(line);
      DmaOp op = null;
      if (name.find()) {
        clock(line, name.start());
        op = event(name.group(), line.substring(name.end()));
      }
      if (op != null) {
        found++;
        return op;
      }
      skipped++;
    }
    if (found == 0) {
      throw lines.wrong(
          hyperSio
              ? "expected vtd_iotlb_page_hit or vtd_iotlb_page_update events"
              : "expected vtd_dmar_translate or smmuv3_translate_success events");
    }
    return null;
  }

  /** QEMU's log writes seconds and microseconds before an event; without, events are 1 ns apart. */
  private void clock(String line, int end) {
    Matcher clock = CLOCK.matcher(line).region(Math.max(0, end - 24), end);
    if (!clock.find() || clock.end() != end) {
      time++;
      return;
    }
    long seconds = Long.parseLong(clock.group(1));
    long now = seconds * MICROSECONDS + Long.parseLong(clock.group(2));
    if (begin < 0) {
      begin = now;
    }
    time = Math.max(time, Math.clamp(now - begin, 0, 1L << 53) * 1000); // bounded: no overflow
  }

  private @Nullable DmaOp event(String name, String text) {
    return switch (name) {
      case "vtd_dmar_translate" -> hyperSio ? null : vtd(text);
      case "vtd_iotlb_page_hit", "vtd_iotlb_page_update" -> hyperSio ? iotlb(text) : null;
      case "smmuv3_translate_success" -> smmu(text);
      case "vtd_inv_desc_iotlb_pages", "vtd_inv_desc_iotlb_pasid_pages" -> {
        Matcher parts = matched(VTD_PAGES, text, "addr 0xADDRESS mask 0xORDER");
        long order = lines.number(parts.group(2), 16, "mask", 0, MOST_ORDER);
        yield pages(lines.number(parts.group(1), 16, "address"), order);
      }
      case "vtd_inv_desc" -> text.contains(" type p-iotlb ") ? descriptor(text) : null;
      case "smmuv3_cmdq_tlbi_nh_va", "smmuv3_cmdq_tlbi_nh_vaa", "smmuv3_cmdq_tlbi_s2_ipa" ->
          invalidation(
              lines.number(matched(ADDRESS, text, "addr=0xADDRESS").group(1), 16, "address"), PAGE);
      case "smmuv3_range_inval", "smmuv3_s1_range_inval" -> range(text);
      case "vtd_inv_desc_iotlb_global",
          "vtd_inv_desc_iotlb_domain",
          "vtd_inv_desc_iotlb_pasid",
          "smmuv3_cmdq_tlbi_nh",
          "smmuv3_cmdq_tlbi_nsnh",
          "smmuv3_cmdq_tlbi_nh_asid",
          "smmuv3_cmdq_tlbi_s12_vmid" ->
          everything();
      default -> null;
    };
  }

  private DmaOp vtd(String text) {
    Matcher parts = matched(VTD, text, "dev BB:DD.F iova 0xADDRESS");
    long bus = lines.number(parts.group(1), 16, "bus", 0, 0xff);
    long slot = lines.number(parts.group(2), 16, "device", 0, 0x1f);
    long function = lines.number(parts.group(3), 16, "function", 0, 7);
    return access((int) (bus << 8 | slot << 3 | function), parts.group(4), false);
  }

  private DmaOp iotlb(String text) {
    Matcher parts = matched(IOTLB, text, "sid 0xID iova 0xADDRESS");
    return access((int) lines.number(parts.group(1), 16, "sid", 0, 0xffff), parts.group(2), false);
  }

  private DmaOp smmu(String text) {
    Matcher parts = matched(SMMU, text, "sid=ID iova=0xADDRESS … perm=0xP");
    // Releases before 8.0 print it in decimal.
    int radix = parts.group(1) == null ? 10 : 16;
    long id = lines.number(parts.group(2), radix, "sid", 0, 0xffff);
    long permission = lines.number(parts.group(4), 16, "perm", 0, 0xff);
    return access((int) id, parts.group(3), permission == WRITE_ALONE);
  }

  /** VT-d 6.5.2.4, PASID-based-IOTLB Invalidate Descriptor; those of other kinds QEMU refuses. */
  private @Nullable DmaOp descriptor(String text) {
    Matcher parts = matched(DESCRIPTOR, text, "type p-iotlb high 0xWORD low 0xWORD");
    long high = lines.number(parts.group(1), 16, "high");
    int granularity = (int) (lines.number(parts.group(2), 16, "low") >>> 4 & 3);
    return switch (granularity) {
      case 2 -> everything();
      case 3 -> pages(high, high & 0x3f);
      default -> null;
    };
  }

  /** 2^{@code order} pages: the address mask says how many low bits of the address are ignored. */
  private DmaOp pages(long address, long order) {
    return order > MOST_ORDER
        ? everything()
        : invalidation(address & -((long) PAGE << order), (long) PAGE << order);
  }

  private DmaOp range(String text) {
    Matcher parts = matched(RANGE, text, "addr=0xADDRESS tg=G num_pages=0xN");
    // TG of the command: 1, 2, 3 for 4, 16, 64 KiB; 0 where the command has no range.
    long granule = lines.number(parts.group(2), 10, "tg", 0, 63);
    long pages = lines.number(parts.group(3), 16, "num_pages", 1, 1L << 36);
    long size = granule == 0 || granule > 3 ? PAGE : 1L << 10 + 2 * granule;
    return invalidation(lines.number(parts.group(1), 16, "address"), size * pages);
  }

  private DmaOp access(int requester, String address, boolean write) {
    long iova = lines.number(address, 16, "iova");
    return DmaOp.access(requester, -1, iova, 1, write, time);
  }

  private DmaOp invalidation(long address, long length) {
    // Of the pages themselves: the lowest bits may say a level or be unused.
    long iova = address & -PAGE;
    if (length <= 0 || Long.compareUnsigned(iova + (length - 1), iova) < 0) {
      return everything();
    }
    return DmaOp.invalidate(EVERYONE, -1, iova, length, time);
  }

  private DmaOp everything() {
    return new DmaOp(DmaOp.Kind.INVALIDATE, EVERYONE, -1, 0, EVERYTHING, false, time);
  }

  private Matcher matched(Pattern pattern, String text, String expected) {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw lines.wrong("'%s': expected %s".formatted(TraceLines.shown(text), expected));
    }
    return matcher;
  }
}
