package dev.nestwalk.vtd;

import org.jspecify.annotations.Nullable;

/**
 * Fault reasons that a translation can raise (VT-d 7.1.3). The constants carry the specification's
 * mnemonics.
 *
 * <p>A <em>qualified</em> fault is recorded only if no structure on the way has FPD set; the others
 * are always recorded. Reasons of page requests (0x32, 0x47) and of interrupt remapping (0x20 to
 * 0x29) are not raised by a translation; SCT.4 (0x43) and SGN.9/SGN.10 (0x88, 0x89) have conditions
 * that no source at hand describes.
 */
public enum FaultReason {
  /** Root entry not present. */
  LRT_2(0x01, "LRT.2", false, "root entry not present"),
  /** Context entry not present. */
  LCT_2(0x02, "LCT.2", true, "context entry not present"),
  /** Invalid context entry: address width, translation type or unreadable second-stage root. */
  LCT_4(
      0x03,
      "LCT.4",
      true,
      "invalid context entry: address width, translation type or unreadable second-stage root"),
  /** Address beyond the supported or configured width. */
  LGN_1(0x04, "LGN.1", true, "address beyond the supported or configured width"),
  /** Write or atomic access without write right. */
  LGN_2(0x05, "LGN.2", true, "write or atomic access without write right"),
  /** Read or atomic access without read right. */
  LGN_3(0x06, "LGN.3", true, "read or atomic access without read right"),
  /** Second-stage entry below the root table unreadable. */
  LSS_1(0x07, "LSS.1", true, "second-stage entry below the root table unreadable"),
  /** Root entry unreadable. */
  LRT_1(0x08, "LRT.1", false, "root entry unreadable"),
  /** Context entry unreadable. */
  LCT_1(0x09, "LCT.1", false, "context entry unreadable"),
  /** Reserved bit set in a present root entry. */
  LRT_3(0x0a, "LRT.3", false, "reserved bit set in a present root entry"),
  /** Reserved bit set in a present context entry. */
  LCT_3(0x0b, "LCT.3", true, "reserved bit set in a present context entry"),
  /** Reserved bit set in a second-stage entry. */
  LSS_2(0x0c, "LSS.2", true, "reserved bit set in a second-stage entry"),
  /** Translation or translated request blocked by the translation type. */
  LCT_5(0x0d, "LCT.5", true, "translation or translated request blocked by the translation type"),
  /** Output address in the interrupt range. */
  LGN_4(0x0e, "LGN.4", true, "output address in the interrupt range"),
  /** Translation table mode reserved or not supported. */
  RTA_1(0x30, "RTA.1", false, "translation table mode reserved or not supported"),
  /** Request with PASID in legacy mode. */
  RTA_2(0x31, "RTA.2", false, "request with PASID in legacy mode"),
  /** Blocked by abort-DMA mode. */
  RTA_4(0x33, "RTA.4", false, "blocked by abort-DMA mode"),
  /** Root entry unreadable. */
  SRT_1(0x38, "SRT.1", false, "root entry unreadable"),
  /** Half of the root entry not present. */
  SRT_2(0x39, "SRT.2", false, "half of the root entry not present"),
  /** Reserved bit set in a present root entry. */
  SRT_3(0x3a, "SRT.3", false, "reserved bit set in a present root entry"),
  /** Context entry unreadable. */
  SCT_1(0x40, "SCT.1", false, "context entry unreadable"),
  /** Context entry not present. */
  SCT_2(0x41, "SCT.2", true, "context entry not present"),
  /** Reserved bit set in a present context entry. */
  SCT_3(0x42, "SCT.3", true, "reserved bit set in a present context entry"),
  /** Page requests enabled without device-TLB. */
  SCT_4(0x43, "SCT.4", true, "PRE without DTE in a context entry"),
  /** Translation or translated request without DTE. */
  SCT_5(0x44, "SCT.5", true, "translation or translated request without DTE"),
  /** Request with PASID without PASIDE. */
  SCT_6(0x45, "SCT.6", true, "request with PASID without PASIDE"),
  /** PASID beyond the PASID directory or the supported PASID width. */
  SCT_7(0x46, "SCT.7", true, "PASID beyond the PASID directory"),
  /** RID_PASID beyond the PASID directory. */
  SCT_9(0x48, "SCT.9", true, "RID_PASID beyond the PASID directory"),
  /** PASID directory entry unreadable. */
  SPD_1(0x50, "SPD.1", false, "PASID directory entry unreadable"),
  /** PASID directory entry not present. */
  SPD_2(0x51, "SPD.2", true, "PASID directory entry not present"),
  /** Reserved bit set in a present PASID directory entry. */
  SPD_3(0x52, "SPD.3", true, "reserved bit set in a present PASID directory entry"),
  /** PASID table entry unreadable. */
  SPT_1(0x58, "SPT.1", false, "PASID table entry unreadable"),
  /** PASID table entry not present. */
  SPT_2(0x59, "SPT.2", true, "PASID table entry not present"),
  /** Reserved bit set in a present PASID table entry. */
  SPT_3(0x5a, "SPT.3", true, "reserved bit set in a present PASID table entry"),
  /** Invalid PASID table entry: translation type, address width or paging mode. */
  SPT_4(
      0x5b,
      "SPT.4",
      true,
      "invalid PASID table entry: translation type, address width or paging mode"),
  /** Execute request without ERE. */
  SPT_5(0x5c, "SPT.5", true, "execute request without ERE"),
  /** Supervisor request without SRE. */
  SPT_6(0x5d, "SPT.6", true, "supervisor request without SRE"),
  /** First-stage entry below the root table unreadable. */
  SFS_1(0x70, "SFS.1", true, "first-stage entry below the root table unreadable"),
  /** First-stage entry not present. */
  SFS_2(0x71, "SFS.2", true, "first-stage entry not present"),
  /** Reserved bit set in a present first-stage entry. */
  SFS_3(0x72, "SFS.3", true, "reserved bit set in a present first-stage entry"),
  /** First-stage root table entry unreadable. */
  SFS_4(0x73, "SFS.4", true, "first-stage root table entry unreadable"),
  /** Nested: intermediate address beyond the second stage's input width. */
  SFS_5(0x74, "SFS.5", true, "nested: intermediate address beyond the second stage's input width"),
  /** Nested: second stage gives no read right for the first-stage root table. */
  SFS_6(
      0x75,
      "SFS.6",
      true,
      "nested: second stage gives no read right for the first-stage root table"),
  /** Nested: second stage gives no read right for a first-stage table. */
  SFS_7(0x76, "SFS.7", true, "nested: second stage gives no read right for a first-stage table"),
  /** Nested: second stage gives no write right for a first-stage flag update. */
  SFS_8(
      0x77,
      "SFS.8",
      true,
      "nested: second stage gives no write right for a first-stage flag update"),
  /** Second-stage entry below the root table unreadable. */
  SSS_1(0x78, "SSS.1", true, "second-stage entry below the root table unreadable"),
  /** Second-stage entry not present. */
  SSS_2(0x79, "SSS.2", true, "second-stage entry not present"),
  /** Reserved bit set in a second-stage entry. */
  SSS_3(0x7a, "SSS.3", true, "reserved bit set in a second-stage entry"),
  /** Second-stage root table entry unreadable. */
  SSS_4(0x7b, "SSS.4", true, "second-stage root table entry unreadable"),
  /** Second-stage flag update needed without page-walk snooping. */
  SSS_5(0x7c, "SSS.5", true, "second-stage flag update needed without page-walk snooping"),
  /** Second-stage flag update failed. */
  SSS_6(0x7d, "SSS.6", true, "second-stage flag update failed"),
  /** Address not canonical. */
  SGN_1(0x80, "SGN.1", true, "address not canonical"),
  /** User request to a supervisor page. */
  SGN_2(0x81, "SGN.2", true, "user request to a supervisor page"),
  /** Execute request to a page that is not executable. */
  SGN_3(0x82, "SGN.3", true, "execute request to a page that is not executable"),
  /** Address beyond the host address width. */
  SGN_4(0x83, "SGN.4", true, "address beyond the host address width"),
  /** Address beyond the second stage's input width. */
  SGN_5(0x84, "SGN.5", true, "address beyond the second stage's input width"),
  /** Write or atomic access without write right. */
  SGN_6(0x85, "SGN.6", true, "write or atomic access without write right"),
  /** Read or atomic access without read right. */
  SGN_7(0x86, "SGN.7", true, "read or atomic access without read right"),
  /** Output address in the interrupt range. */
  SGN_8(0x87, "SGN.8", true, "output address in the interrupt range"),
  /** PASID wider than the unit has. */
  SGN_10(0x89, "SGN.10", true, "PASID beyond the supported PASID width"),
  /** First-stage flag update needed without page-walk snooping. */
  SFS_9(0x90, "SFS.9", true, "first-stage flag update needed without page-walk snooping"),
  /** First-stage flag update failed. */
  SFS_10(0x91, "SFS.10", true, "first-stage flag update failed");

  private static final @Nullable FaultReason[] BY_CODE = new @Nullable FaultReason[256];

  static {
    for (FaultReason reason : values()) {
      BY_CODE[reason.code] = reason;
    }
  }

  private final int code;
  private final String mnemonic;
  private final boolean qualified;
  private final String condition;

  FaultReason(int code, String mnemonic, boolean qualified, String condition) {
    this.code = code;
    this.mnemonic = mnemonic;
    this.qualified = qualified;
    this.condition = condition;
  }

  /** The number in field FR of the fault record. */
  public int code() {
    return code;
  }

  /** The specification's short name, for example {@code "SFS.2"}. */
  public String mnemonic() {
    return mnemonic;
  }

  /** What the hardware found, in one line. */
  public String condition() {
    return condition;
  }

  /** Whether FPD keeps this fault out of the record. */
  public boolean isQualified() {
    return qualified;
  }

  /** The reason with this code, or null if no translation raises it. */
  public static @Nullable FaultReason of(int code) {
    return code >= 0 && code < 256 ? BY_CODE[code] : null;
  }
}
