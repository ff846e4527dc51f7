package dev.nestwalk.bench.cost.trace;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;

/** Forms of traces. */
public enum TraceFormat {
  /** The product's own: time, requester, PASID, what, address, length. */
  NESTWALK("nestwalk", false),
  /** QEMU's trace events of translations and invalidations. */
  QEMU("qemu", false),
  /** QEMU's log as HyperSIO's log collector writes it. */
  HYPERSIO("hypersio", false),
  /** Text of blkparse: requests to a disk. */
  BLKPARSE("blkparse", true),
  /** Comma-separated requests to disks, as those of MSR Cambridge. */
  MSR("msr", true),
  /** Packets, in a libpcap file. */
  PCAP("pcap", true);

  static final String HEAD = "# nestwalk-trace 1";

  private static final Pattern BLKPARSE_LINE =
      Pattern.compile(
          "\\s*+\\d++,\\d++\\s++\\d++\\s++\\d++\\s++\\d++\\.\\d++\\s++\\d++\\s++[A-Z].*");
  private static final Pattern MSR_LINE =
      Pattern.compile("\\d+,[^,]*,\\d+,(?i:read|write),\\d+,\\d+(,\\d+)?\\s*");

  private final String label;
  private final boolean sizes;

  TraceFormat(String label, boolean sizes) {
    this.label = label;
    this.sizes = sizes;
  }

  /** Name on the command line. */
  public String label() {
    return label;
  }

  /** Whether it holds sizes of requests, which drive a model, and no addresses of DMA. */
  public boolean holdsSizes() {
    return sizes;
  }

  /**
   * The format of this name.
   *
   * @throws IllegalArgumentException in one line if there is none
   */
  public static TraceFormat of(String label) {
    for (TraceFormat format : values()) {
      if (format.label.equals(label.toLowerCase(Locale.ROOT))) {
        return format;
      }
    }
    throw new IllegalArgumentException(
        "trace format '%s': expected nestwalk, qemu, hypersio, blkparse, msr or pcap"
            .formatted(label));
  }

  /**
   * What a file seems to be.
   *
   * @param head its first bytes, uncompressed
   * @throws IllegalArgumentException in one line if that is nothing known
   */
  static TraceFormat detect(byte[] head) {
    if (PcapReader.isPcap(head)) {
      return PCAP;
    }
    String text = new String(head, StandardCharsets.ISO_8859_1);
    if (text.startsWith(HEAD)) {
      return NESTWALK;
    }
    if (text.contains("vtd_dmar_translate ") || text.contains("smmuv3_translate_")) {
      return QEMU;
    }
    if (text.contains("vtd_iotlb_page_")) {
      return HYPERSIO;
    }
    String first = text.lines().filter(line -> !line.isBlank()).findFirst().orElse("");
    if (MSR_LINE.matcher(first).matches() || first.startsWith("Timestamp,Hostname")) {
      return MSR;
    }
    if (text.lines().limit(64).anyMatch(line -> BLKPARSE_LINE.matcher(line).matches())) {
      return BLKPARSE;
    }
    throw new IllegalArgumentException(
        "expected '%s', QEMU's trace events, a HyperSIO log, blkparse text, MSR-style CSV or pcap"
            .formatted(HEAD));
  }
}
