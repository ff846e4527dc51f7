package dev.nestwalk.live;

/**
 * The PCI Express capabilities that IOMMU drivers look for in a device: PASID, ATS and page
 * requests (PCI Express Base 6.0, 7.5.3, 7.8.9, 10.5). The function is a root complex integrated
 * endpoint, so it needs no port above it.
 *
 * <p>Threads: any.
 */
final class Express {
  /** Bits of a PASID. */
  static final int PASID_BITS = 20;

  private static final int EXPRESS = 0x10;
  private static final int EXPRESS_BYTES = 0x3c;
  private static final int VERSION_2 = 2;
  private static final int INTEGRATED = 9 << 4;
  private static final int DEVICE_CAPABILITIES = 0x04;
  private static final int DEVICE_CONTROL = 0x08;
  private static final int DEVICE_CAPABILITIES_2 = 0x24;
  private static final int DEVICE_CONTROL_2 = 0x28;
  private static final int ROLE_BASED_ERRORS = 1 << 15;
  private static final int END_TO_END_PREFIXES = 1 << 21;
  private static final int ATOMIC_REQUESTER = 1 << 6;

  private static final int PASID = 0x1b;
  private static final int ATS = 0x0f;
  private static final int PAGE_REQUESTS = 0x13;
  private static final int PAGE_ALIGNED = 1 << 5;
  private static final int ATS_CONTROL = 0x801f; // enable, smallest translation unit
  private static final int STOPPED = 1 << 8;
  private static final int RESPONSES_HAVE_PASIDS = 1 << 15;

  private final PciConfig config;
  private final int pasid;
  private final int ats;
  private final int pages;

  private Express(PciConfig config, int pasid, int ats, int pages) {
    this.config = config;
    this.pasid = pasid;
    this.ats = ats;
    this.pages = pages;
  }

  /** Adds the capabilities to a configuration space that has extended space. */
  static Express in(PciConfig config) {
    Bytes express = new Bytes(EXPRESS_BYTES, 2);
    express.value(2, 2, VERSION_2 | INTEGRATED);
    express.value(DEVICE_CAPABILITIES, 4, ROLE_BASED_ERRORS);
    express.mask(DEVICE_CONTROL, 2, 0x7fff);
    express.value(DEVICE_CAPABILITIES_2, 4, END_TO_END_PREFIXES);
    express.mask(DEVICE_CONTROL_2, 2, ATOMIC_REQUESTER);
    config.capability(EXPRESS, express.values, express.masks);

    Bytes ids = new Bytes(8, 4);
    ids.value(4, 2, PASID_BITS << 8);
    ids.mask(6, 2, 1);
    Bytes translations = new Bytes(8, 4);
    translations.value(4, 2, PAGE_ALIGNED); // an invalidation queue of 32 entries
    translations.mask(6, 2, ATS_CONTROL);
    Bytes requests = new Bytes(16, 4);
    requests.mask(4, 2, 1);
    requests.value(6, 2, STOPPED | RESPONSES_HAVE_PASIDS);
    requests.value(8, 4, 1);
    requests.mask(12, 4, -1);
    return new Express(
        config,
        config.extendedCapability(PASID, 1, ids.values, ids.masks),
        config.extendedCapability(ATS, 1, translations.values, translations.masks),
        config.extendedCapability(PAGE_REQUESTS, 1, requests.values, requests.masks));
  }

  /** Whether a driver has enabled requests with PASIDs. */
  boolean hasPasids() {
    return (config.half(pasid + 6) & 1) != 0;
  }

  /** Whether a driver has enabled translation requests. */
  boolean hasTranslations() {
    return (config.half(ats + 6) & 1 << 15) != 0;
  }

  /** Whether a driver has enabled page requests. */
  boolean hasPageRequests() {
    return (config.half(pages + 4) & 1) != 0;
  }

  /** A capability without its header, and the bits of it that a guest may change. */
  private static final class Bytes {
    final byte[] values;
    final byte[] masks;
    private final int header;

    Bytes(int size, int header) {
      this.header = header;
      values = new byte[size - header];
      masks = new byte[size - header];
    }

    void value(int at, int size, int value) {
      put(values, at, size, value);
    }

    void mask(int at, int size, int mask) {
      put(masks, at, size, mask);
    }

    private void put(byte[] to, int at, int size, int value) {
      for (int i = 0; i < size; i++) {
        to[at - header + i] = (byte) (value >>> 8 * i);
      }
    }
  }
}
