package dev.nestwalk.teach.exercises;

/**
 * A VT-d descriptor or an SMMUv3 command.
 *
 * @param name its effect in words
 * @param low bits 63:0
 * @param high bits 127:64
 */
record Invalidation(String name, long low, long high) {
  static Invalidation iotlbGlobal() {
    return new Invalidation("IOTLB, global", 0x12, 0);
  }

  static Invalidation iotlbDomain(int domain) {
    return new Invalidation(
        "IOTLB, domain-selective: domain " + Text.hex(domain), 0x22 | (long) domain << 16, 0);
  }

  static Invalidation iotlbPage(int domain, long page, int mask) {
    return new Invalidation(
        "IOTLB, page-selective within domain %s: %s, AM=%d"
            .formatted(Text.hex(domain), Text.hex(page), mask),
        0x32 | (long) domain << 16,
        page | mask);
  }

  static Invalidation pasidIotlb(int domain, int pasid) {
    return new Invalidation(
        "PASID-based IOTLB, PASID-selective: domain %s, PASID %s"
            .formatted(Text.hex(domain), Text.hex(pasid)),
        0x26 | (long) domain << 16 | (long) pasid << 32,
        0);
  }

  static Invalidation pasidPage(int domain, int pasid, long page, int mask) {
    return new Invalidation(
        "PASID-based IOTLB, page-selective: domain %s, PASID %s, %s, AM=%d"
            .formatted(Text.hex(domain), Text.hex(pasid), Text.hex(page), mask),
        0x36 | (long) domain << 16 | (long) pasid << 32,
        page | mask);
  }

  static Invalidation contextDevice(int source) {
    return new Invalidation(
        "context-cache, device-selective: " + Text.bdf(source), 0x31 | (long) source << 32, 0);
  }

  static Invalidation contextGlobal() {
    return new Invalidation("context-cache, global", 0x11, 0);
  }

  static Invalidation pasidCache(int domain, int pasid) {
    return new Invalidation(
        "PASID-cache, PASID-selective: domain %s, PASID %s"
            .formatted(Text.hex(domain), Text.hex(pasid)),
        0x17 | (long) domain << 16 | (long) pasid << 32,
        0);
  }

  static Invalidation pasidCacheDomain(int domain) {
    return new Invalidation(
        "PASID-cache, domain-selective: domain " + Text.hex(domain), 0x07 | (long) domain << 16, 0);
  }

  static Invalidation pasidCacheGlobal() {
    return new Invalidation("PASID-cache, global", 0x37, 0);
  }

  static Invalidation all() {
    return new Invalidation("CMD_TLBI_NSNH_ALL", 0x30, 0);
  }

  static Invalidation stage1All(int vmid) {
    return new Invalidation("CMD_TLBI_NH_ALL: VMID " + Text.hex(vmid), 0x10 | (long) vmid << 32, 0);
  }

  static Invalidation asid(int vmid, int asid) {
    return new Invalidation(
        "CMD_TLBI_NH_ASID: VMID %s, ASID %s".formatted(Text.hex(vmid), Text.hex(asid)),
        0x11 | (long) vmid << 32 | (long) asid << 48,
        0);
  }

  static Invalidation va(int vmid, int asid, long page) {
    return new Invalidation(
        "CMD_TLBI_NH_VA: VMID %s, ASID %s, %s"
            .formatted(Text.hex(vmid), Text.hex(asid), Text.hex(page)),
        0x12 | (long) vmid << 32 | (long) asid << 48,
        page);
  }

  /** Invalidates a range of 4K pages; TTL says that leaves are of level 3. */
  static Invalidation vaRange(int vmid, int asid, long page, int num, int scale) {
    return new Invalidation(
        "CMD_TLBI_NH_VA: VMID %s, ASID %s, %s, NUM=%d, SCALE=%d, TG=4K, TTL=3"
            .formatted(Text.hex(vmid), Text.hex(asid), Text.hex(page), num, scale),
        0x12 | (long) num << 12 | (long) scale << 20 | (long) vmid << 32 | (long) asid << 48,
        page | 1L << 10 | 3L << 8);
  }

  static Invalidation vmid(int vmid) {
    return new Invalidation(
        "CMD_TLBI_S12_VMALL: VMID " + Text.hex(vmid), 0x28 | (long) vmid << 32, 0);
  }

  static Invalidation ipa(int vmid, long page) {
    return new Invalidation(
        "CMD_TLBI_S2_IPA: VMID %s, %s".formatted(Text.hex(vmid), Text.hex(page)),
        0x2a | (long) vmid << 32,
        page);
  }

  static Invalidation ste(int stream) {
    return new Invalidation(
        "CMD_CFGI_STE: stream " + Text.hex(stream), 0x03 | (long) stream << 32, 1);
  }

  static Invalidation cd(int stream, int substream) {
    return new Invalidation(
        "CMD_CFGI_CD: stream %s, SubstreamID %s".formatted(Text.hex(stream), Text.hex(substream)),
        0x05 | (long) substream << 12 | (long) stream << 32,
        1);
  }

  static Invalidation configurationAll() {
    return new Invalidation("CMD_CFGI_ALL", 0x04, 31);
  }
}
