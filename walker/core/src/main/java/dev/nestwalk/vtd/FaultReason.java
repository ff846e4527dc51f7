package dev.nestwalk.vtd;

import org.jspecify.annotations.Nullable;

/**
 * Fault reasons that a translation can raise (VT-d 7.1.3). The constants have the specification's
 * mnemonics.
 *
 * <p>A <em>qualified</em> fault is recorded only if no structure on the way has FPD set; the others
 * are always recorded. A translation does not raise the reasons of page requests (0x32, 0x47) and
 * of interrupt remapping (0x20 to 0x29), nor SGN.9 (0x88), whose condition the published
 * specification does not describe.
 */
public enum FaultReason {
  /** Root entry not present. */
  LRT_2(FaultCode.LRT_2, "LRT.2", false, "root entry not present"),
  /** Context entry not present. */
  LCT_2(FaultCode.LCT_2, "LCT.2", true, "context entry not present"),
  /** Invalid context entry: address width, translation type or unreadable second-stage root. */
  LCT_4(
      FaultCode.LCT_4,
      "LCT.4",
      true,
      "invalid context entry: address width, translation type or unreadable second-stage root"),
  /** Address beyond the supported or configured width. */
  LGN_1(FaultCode.LGN_1, "LGN.1", true, "address beyond the supported or configured width"),
  /** Write or atomic access without write right. */
  LGN_2(FaultCode.LGN_2, "LGN.2", true, "write or atomic access without write right"),
  /** Read or atomic access without read right. */
  LGN_3(FaultCode.LGN_3, "LGN.3", true, "read or atomic access without read right"),
  /** Second-stage entry below the root table unreadable. */
  LSS_1(FaultCode.LSS_1, "LSS.1", true, "second-stage entry below the root table unreadable"),
  /** Root entry unreadable. */
  LRT_1(FaultCode.LRT_1, "LRT.1", false, "root entry unreadable"),
  /** Context entry unreadable. */
  LCT_1(FaultCode.LCT_1, "LCT.1", false, "context entry unreadable"),
  /** Reserved bit set in a present root entry. */
  LRT_3(FaultCode.LRT_3, "LRT.3", false, "reserved bit set in a present root entry"),
  /** Reserved bit set in a present context entry. */
  LCT_3(FaultCode.LCT_3, "LCT.3", true, "reserved bit set in a present context entry"),
  /** Reserved bit set in a second-stage entry. */
  LSS_2(FaultCode.LSS_2, "LSS.2", true, "reserved bit set in a second-stage entry"),
  /** Translation or translated request blocked by the translation type. */
  LCT_5(
      FaultCode.LCT_5,
      "LCT.5",
      true,
      "translation or translated request blocked by the translation type"),
  /** Output address in the interrupt range. */
  LGN_4(FaultCode.LGN_4, "LGN.4", true, "output address in the interrupt range"),
  /** Translation table mode reserved or not supported. */
  RTA_1(FaultCode.RTA_1, "RTA.1", false, "translation table mode reserved or not supported"),
  /** Request with PASID in legacy mode. */
  RTA_2(FaultCode.RTA_2, "RTA.2", false, "request with PASID in legacy mode"),
  /** Blocked by abort-DMA mode. */
  RTA_4(FaultCode.RTA_4, "RTA.4", false, "blocked by abort-DMA mode"),
  /** Root entry unreadable. */
  SRT_1(FaultCode.SRT_1, "SRT.1", false, "root entry unreadable"),
  /** Half of the root entry not present. */
  SRT_2(FaultCode.SRT_2, "SRT.2", false, "half of the root entry not present"),
  /** Reserved bit set in a present root entry. */
  SRT_3(FaultCode.SRT_3, "SRT.3", false, "reserved bit set in a present root entry"),
  /** Context entry unreadable. */
  SCT_1(FaultCode.SCT_1, "SCT.1", false, "context entry unreadable"),
  /** Context entry not present. */
  SCT_2(FaultCode.SCT_2, "SCT.2", true, "context entry not present"),
  /** Reserved bit set in a present context entry. */
  SCT_3(FaultCode.SCT_3, "SCT.3", true, "reserved bit set in a present context entry"),
  /** Page requests enabled without device-TLB. */
  SCT_4(FaultCode.SCT_4, "SCT.4", true, "PRE without DTE in a context entry"),
  /** Translation or translated request without DTE. */
  SCT_5(FaultCode.SCT_5, "SCT.5", true, "translation or translated request without DTE"),
  /** Request with PASID without PASIDE. */
  SCT_6(FaultCode.SCT_6, "SCT.6", true, "request with PASID without PASIDE"),
  /** PASID beyond the PASID directory or the supported PASID width. */
  SCT_7(FaultCode.SCT_7, "SCT.7", true, "PASID beyond the PASID directory"),
  /** RID_PASID beyond the PASID directory. */
  SCT_9(FaultCode.SCT_9, "SCT.9", true, "RID_PASID beyond the PASID directory"),
  /** PASID directory entry unreadable. */
  SPD_1(FaultCode.SPD_1, "SPD.1", false, "PASID directory entry unreadable"),
  /** PASID directory entry not present. */
  SPD_2(FaultCode.SPD_2, "SPD.2", true, "PASID directory entry not present"),
  /** Reserved bit set in a present PASID directory entry. */
  SPD_3(FaultCode.SPD_3, "SPD.3", true, "reserved bit set in a present PASID directory entry"),
  /** PASID table entry unreadable. */
  SPT_1(FaultCode.SPT_1, "SPT.1", false, "PASID table entry unreadable"),
  /** PASID table entry not present. */
  SPT_2(FaultCode.SPT_2, "SPT.2", true, "PASID table entry not present"),
  /** Reserved bit set in a present PASID table entry. */
  SPT_3(FaultCode.SPT_3, "SPT.3", true, "reserved bit set in a present PASID table entry"),
  /** Invalid PASID table entry: translation type, address width or paging mode. */
  SPT_4(
      FaultCode.SPT_4,
      "SPT.4",
      true,
      "invalid PASID table entry: translation type, address width or paging mode"),
  /** Execute request without ERE. */
  SPT_5(FaultCode.SPT_5, "SPT.5", true, "execute request without ERE"),
  /** Supervisor request without SRE. */
  SPT_6(FaultCode.SPT_6, "SPT.6", true, "supervisor request without SRE"),
  /** First-stage entry below the root table unreadable. */
  SFS_1(FaultCode.SFS_1, "SFS.1", true, "first-stage entry below the root table unreadable"),
  /** First-stage entry not present. */
  SFS_2(FaultCode.SFS_2, "SFS.2", true, "first-stage entry not present"),
  /** Reserved bit set in a present first-stage entry. */
  SFS_3(FaultCode.SFS_3, "SFS.3", true, "reserved bit set in a present first-stage entry"),
  /** First-stage root table entry unreadable. */
  SFS_4(FaultCode.SFS_4, "SFS.4", true, "first-stage root table entry unreadable"),
  /** Nested: intermediate address beyond the second stage's input width. */
  SFS_5(
      FaultCode.SFS_5,
      "SFS.5",
      true,
      "nested: intermediate address beyond the second stage's input width"),
  /** Nested: second stage gives no read right for the first-stage root table. */
  SFS_6(
      FaultCode.SFS_6,
      "SFS.6",
      true,
      "nested: second stage gives no read right for the first-stage root table"),
  /** Nested: second stage gives no read right for a first-stage table. */
  SFS_7(
      FaultCode.SFS_7,
      "SFS.7",
      true,
      "nested: second stage gives no read right for a first-stage table"),
  /** Nested: second stage gives no write right for a first-stage flag update. */
  SFS_8(
      FaultCode.SFS_8,
      "SFS.8",
      true,
      "nested: second stage gives no write right for a first-stage flag update"),
  /** Second-stage entry below the root table unreadable. */
  SSS_1(FaultCode.SSS_1, "SSS.1", true, "second-stage entry below the root table unreadable"),
  /** Second-stage entry not present. */
  SSS_2(FaultCode.SSS_2, "SSS.2", true, "second-stage entry not present"),
  /** Reserved bit set in a second-stage entry. */
  SSS_3(FaultCode.SSS_3, "SSS.3", true, "reserved bit set in a second-stage entry"),
  /** Second-stage root table entry unreadable. */
  SSS_4(FaultCode.SSS_4, "SSS.4", true, "second-stage root table entry unreadable"),
  /** Second-stage flag update needed without page-walk snooping. */
  SSS_5(
      FaultCode.SSS_5, "SSS.5", true, "second-stage flag update needed without page-walk snooping"),
  /** Second-stage flag update failed. */
  SSS_6(FaultCode.SSS_6, "SSS.6", true, "second-stage flag update failed"),
  /** Address not canonical. */
  SGN_1(FaultCode.SGN_1, "SGN.1", true, "address not canonical"),
  /** User request to a supervisor page. */
  SGN_2(FaultCode.SGN_2, "SGN.2", true, "user request to a supervisor page"),
  /** Execute request to a page that is not executable. */
  SGN_3(FaultCode.SGN_3, "SGN.3", true, "execute request to a page that is not executable"),
  /** Address beyond the host address width. */
  SGN_4(FaultCode.SGN_4, "SGN.4", true, "address beyond the host address width"),
  /** Address beyond the second stage's input width. */
  SGN_5(FaultCode.SGN_5, "SGN.5", true, "address beyond the second stage's input width"),
  /** Write or atomic access without write right. */
  SGN_6(FaultCode.SGN_6, "SGN.6", true, "write or atomic access without write right"),
  /** Read or atomic access without read right. */
  SGN_7(FaultCode.SGN_7, "SGN.7", true, "read or atomic access without read right"),
  /** Output address in the interrupt range. */
  SGN_8(FaultCode.SGN_8, "SGN.8", true, "output address in the interrupt range"),
  /** PASID wider than the unit has. */
  SGN_10(FaultCode.SGN_10, "SGN.10", true, "PASID beyond the supported PASID width"),
  /** First-stage flag update needed without page-walk snooping. */
  SFS_9(
      FaultCode.SFS_9, "SFS.9", true, "first-stage flag update needed without page-walk snooping"),
  /** First-stage flag update failed. */
  SFS_10(FaultCode.SFS_10, "SFS.10", true, "first-stage flag update failed");

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

  /** What the hardware found, in words. */
  public String condition() {
    return condition;
  }

  /** Whether FPD suppresses the record of this fault. */
  public boolean isQualified() {
    return qualified;
  }

  /** The reason with this code, or null if no translation raises it. */
  public static @Nullable FaultReason of(int code) {
    return code >= 0 && code < 256 ? BY_CODE[code] : null;
  }
}
