package dev.nestwalk.vtd;

/**
 * The numbers of the fault reasons (VT-d 7.1.3) under the specification's mnemonics, as used in
 * field FR of a fault record and in a {@link dev.nestwalk.dma.Translation}. A walk that finds a
 * fault needs only the number; {@link FaultReason} describes each reason.
 */
public final class FaultCode {
  /** LRT.2: root entry not present. */
  public static final int LRT_2 = 0x01;

  /** LCT.2: context entry not present. */
  public static final int LCT_2 = 0x02;

  /**
   * LCT.4: invalid context entry: address width, translation type or unreadable second-stage root.
   */
  public static final int LCT_4 = 0x03;

  /** LGN.1: address beyond the supported or configured width. */
  public static final int LGN_1 = 0x04;

  /** LGN.2: write or atomic access without write right. */
  public static final int LGN_2 = 0x05;

  /** LGN.3: read or atomic access without read right. */
  public static final int LGN_3 = 0x06;

  /** LSS.1: second-stage entry below the root table unreadable. */
  public static final int LSS_1 = 0x07;

  /** LRT.1: root entry unreadable. */
  public static final int LRT_1 = 0x08;

  /** LCT.1: context entry unreadable. */
  public static final int LCT_1 = 0x09;

  /** LRT.3: reserved bit set in a present root entry. */
  public static final int LRT_3 = 0x0a;

  /** LCT.3: reserved bit set in a present context entry. */
  public static final int LCT_3 = 0x0b;

  /** LSS.2: reserved bit set in a second-stage entry. */
  public static final int LSS_2 = 0x0c;

  /** LCT.5: translation or translated request blocked by the translation type. */
  public static final int LCT_5 = 0x0d;

  /** LGN.4: output address in the interrupt range. */
  public static final int LGN_4 = 0x0e;

  /** RTA.1: translation table mode reserved or not supported. */
  public static final int RTA_1 = 0x30;

  /** RTA.2: request with PASID in legacy mode. */
  public static final int RTA_2 = 0x31;

  /** RTA.3: page request in legacy mode. */
  public static final int RTA_3 = 0x32;

  /** RTA.4: blocked by abort-DMA mode. */
  public static final int RTA_4 = 0x33;

  /** SRT.1: root entry unreadable. */
  public static final int SRT_1 = 0x38;

  /** SRT.2: half of the root entry not present. */
  public static final int SRT_2 = 0x39;

  /** SRT.3: reserved bit set in a present root entry. */
  public static final int SRT_3 = 0x3a;

  /** SCT.1: context entry unreadable. */
  public static final int SCT_1 = 0x40;

  /** SCT.2: context entry not present. */
  public static final int SCT_2 = 0x41;

  /** SCT.3: reserved bit set in a present context entry. */
  public static final int SCT_3 = 0x42;

  /** SCT.4: page requests enabled without device-TLB. */
  public static final int SCT_4 = 0x43;

  /** SCT.5: translation or translated request without DTE. */
  public static final int SCT_5 = 0x44;

  /** SCT.6: request with PASID without PASIDE. */
  public static final int SCT_6 = 0x45;

  /** SCT.7: PASID beyond the PASID directory or the supported PASID width. */
  public static final int SCT_7 = 0x46;

  /** SCT.8: page request without PRE. */
  public static final int SCT_8 = 0x47;

  /** SCT.9: RID_PASID beyond the PASID directory. */
  public static final int SCT_9 = 0x48;

  /** SPD.1: PASID directory entry unreadable. */
  public static final int SPD_1 = 0x50;

  /** SPD.2: PASID directory entry not present. */
  public static final int SPD_2 = 0x51;

  /** SPD.3: reserved bit set in a present PASID directory entry. */
  public static final int SPD_3 = 0x52;

  /** SPT.1: PASID table entry unreadable. */
  public static final int SPT_1 = 0x58;

  /** SPT.2: PASID table entry not present. */
  public static final int SPT_2 = 0x59;

  /** SPT.3: reserved bit set in a present PASID table entry. */
  public static final int SPT_3 = 0x5a;

  /** SPT.4: invalid PASID table entry: translation type, address width or paging mode. */
  public static final int SPT_4 = 0x5b;

  /** SPT.5: execute request without ERE. */
  public static final int SPT_5 = 0x5c;

  /** SPT.6: supervisor request without SRE. */
  public static final int SPT_6 = 0x5d;

  /** SFS.1: first-stage entry below the root table unreadable. */
  public static final int SFS_1 = 0x70;

  /** SFS.2: first-stage entry not present. */
  public static final int SFS_2 = 0x71;

  /** SFS.3: reserved bit set in a present first-stage entry. */
  public static final int SFS_3 = 0x72;

  /** SFS.4: first-stage root table entry unreadable. */
  public static final int SFS_4 = 0x73;

  /** SFS.5: nested: intermediate address beyond the second stage's input width. */
  public static final int SFS_5 = 0x74;

  /** SFS.6: nested: second stage gives no read right for the first-stage root table. */
  public static final int SFS_6 = 0x75;

  /** SFS.7: nested: second stage gives no read right for a first-stage table. */
  public static final int SFS_7 = 0x76;

  /** SFS.8: nested: second stage gives no write right for a first-stage flag update. */
  public static final int SFS_8 = 0x77;

  /** SSS.1: second-stage entry below the root table unreadable. */
  public static final int SSS_1 = 0x78;

  /** SSS.2: second-stage entry not present. */
  public static final int SSS_2 = 0x79;

  /** SSS.3: reserved bit set in a second-stage entry. */
  public static final int SSS_3 = 0x7a;

  /** SSS.4: second-stage root table entry unreadable. */
  public static final int SSS_4 = 0x7b;

  /** SSS.5: second-stage flag update needed without page-walk snooping. */
  public static final int SSS_5 = 0x7c;

  /** SSS.6: second-stage flag update failed. */
  public static final int SSS_6 = 0x7d;

  /** SGN.1: address not canonical. */
  public static final int SGN_1 = 0x80;

  /** SGN.2: user request to a supervisor page. */
  public static final int SGN_2 = 0x81;

  /** SGN.3: execute request to a page that is not executable. */
  public static final int SGN_3 = 0x82;

  /** SGN.4: address beyond the host address width. */
  public static final int SGN_4 = 0x83;

  /** SGN.5: address beyond the second stage's input width. */
  public static final int SGN_5 = 0x84;

  /** SGN.6: write or atomic access without write right. */
  public static final int SGN_6 = 0x85;

  /** SGN.7: read or atomic access without read right. */
  public static final int SGN_7 = 0x86;

  /** SGN.8: output address in the interrupt range. */
  public static final int SGN_8 = 0x87;

  /** SGN.10: PASID wider than the unit has. */
  public static final int SGN_10 = 0x89;

  /** SFS.9: first-stage flag update needed without page-walk snooping. */
  public static final int SFS_9 = 0x90;

  /** SFS.10: first-stage flag update failed. */
  public static final int SFS_10 = 0x91;

  private FaultCode() {}
}
