package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Commands, 16 bytes (IHI 0070, 4.1.3 and 4.2 to 4.7): opcodes and operands. */
public final class Command {
  /** CMD_PREFETCH_CONFIG. */
  public static final int PREFETCH_CONFIG = 0x01;

  /** CMD_PREFETCH_ADDR. */
  public static final int PREFETCH_ADDR = 0x02;

  /** CMD_CFGI_STE. */
  public static final int CFGI_STE = 0x03;

  /** CMD_CFGI_STE_RANGE. */
  public static final int CFGI_STE_RANGE = 0x04;

  /** CMD_CFGI_CD. */
  public static final int CFGI_CD = 0x05;

  /** CMD_CFGI_CD_ALL. */
  public static final int CFGI_CD_ALL = 0x06;

  /** CMD_CFGI_VMS_PIDM. */
  public static final int CFGI_VMS_PIDM = 0x07;

  /** CMD_TLBI_NH_ALL. */
  public static final int TLBI_NH_ALL = 0x10;

  /** CMD_TLBI_NH_ASID. */
  public static final int TLBI_NH_ASID = 0x11;

  /** CMD_TLBI_NH_VA. */
  public static final int TLBI_NH_VA = 0x12;

  /** CMD_TLBI_NH_VAA. */
  public static final int TLBI_NH_VAA = 0x13;

  /** CMD_TLBI_EL2_ALL. */
  public static final int TLBI_EL2_ALL = 0x20;

  /** CMD_TLBI_EL2_ASID. */
  public static final int TLBI_EL2_ASID = 0x21;

  /** CMD_TLBI_EL2_VA. */
  public static final int TLBI_EL2_VA = 0x22;

  /** CMD_TLBI_EL2_VAA. */
  public static final int TLBI_EL2_VAA = 0x23;

  /** CMD_TLBI_S12_VMALL. */
  public static final int TLBI_S12_VMALL = 0x28;

  /** CMD_TLBI_S2_IPA. */
  public static final int TLBI_S2_IPA = 0x2a;

  /** CMD_TLBI_NSNH_ALL. */
  public static final int TLBI_NSNH_ALL = 0x30;

  /** CMD_ATC_INV. */
  public static final int ATC_INV = 0x40;

  /** CMD_PRI_RESP. */
  public static final int PRI_RESP = 0x41;

  /** CMD_RESUME. */
  public static final int RESUME = 0x44;

  /** CMD_STALL_TERM. */
  public static final int STALL_TERM = 0x45;

  /** CMD_SYNC. */
  public static final int SYNC = 0x46;

  /** Opcode. */
  public static final Field OPCODE = Field.of("OPCODE", 7, 0, "command");

  /** Secure stream: illegal on the Non-secure queue. */
  public static final Field SSEC = Field.bit("SSEC", 10, "Secure");

  /** Completion signal of CMD_SYNC. */
  public static final Field CS = Field.of("CS", 13, 12, "how CMD_SYNC signals; 3 is illegal");

  /** Number of the range, less one. */
  public static final Field NUM = Field.of("NUM", 16, 12, "range: NUM + 1 units");

  /** Scale of the range. */
  public static final Field SCALE = Field.of("SCALE", 25, 20, "range: units of 2^SCALE granules");

  /** SubstreamID. */
  public static final Field SSID = Field.of("SSID", 31, 12, "SubstreamID");

  /** StreamID. */
  public static final Field SID = Field.of("SID", 63, 32, "StreamID");

  /** VMID. */
  public static final Field VMID = Field.of("VMID", 47, 32, "VMID");

  /** ASID. */
  public static final Field ASID = Field.of("ASID", 63, 48, "ASID");

  /** Range of CMD_CFGI_STE_RANGE. */
  public static final Field RANGE = Field.of("RANGE", 68, 64, "2^(RANGE + 1) StreamIDs");

  /** Leaf. */
  public static final Field LEAF =
      Field.bit("LEAF", 64, "0: entries of any level changed; 1: only leaves changed");

  /** Level of the leaf. */
  public static final Field TTL = Field.of("TTL", 73, 72, "level of the leaf, 0 for any");

  /** Granule. */
  public static final Field TG = Field.of("TG", 75, 74, "granule: 1 4K, 2 16K, 3 64K, 0 no range");

  /** First address. */
  public static final Field ADDRESS = Field.of("ADDRESS", 127, 76, "address");

  /** A SubstreamID is given. */
  public static final Field SSV = Field.bit("SSV", 11, "a SubstreamID is given");

  /** Size of CMD_PREFETCH_ADDR. */
  public static final Field PREFETCH_SIZE = Field.of("SIZE", 68, 64, "4K << SIZE bytes");

  /** Every SubstreamID. */
  public static final Field GLOBAL = Field.bit("GLOBAL", 9, "of every SubstreamID");

  /** Size of CMD_ATC_INV. */
  public static final Field ATC_SIZE =
      Field.of("SIZE", 69, 64, "4K << SIZE bytes; 52 is everything");

  /** Page request group. */
  public static final Field PRGINDEX = Field.of("PRGINDEX", 72, 64, "page request group");

  /** Response. */
  public static final Field RESP = Field.of("RESP", 77, 76, "answer to the page request group");

  /** Retry. */
  public static final Field AC = Field.bit("AC", 12, "1: retry the access; 0: terminate it");

  /** How to terminate. */
  public static final Field AB = Field.bit("AB", 13, "terminate: 1 abort, 0 read zero");

  /** Stall tag. */
  public static final Field STAG = Field.of("STAG", 79, 64, "tag of the stalled access");

  /** Shareability of the MSI. */
  public static final Field MSH = Field.of("MSH", 23, 22, "shareability of the MSI");

  /** Attributes of the MSI. */
  public static final Field MSIATTR = Field.of("MSIATTR", 27, 24, "memory type of the MSI");

  /** Data of the MSI. */
  public static final Field MSIDATA = Field.of("MSIDATA", 63, 32, "data of the MSI");

  /** Address of the MSI. */
  public static final Field MSIADDRESS =
      Field.of("MSIADDRESS", 115, 66, "address of the MSI, a multiple of 4");

  /** CMD_CFGI_STE. */
  public static final Structure CONFIG_STREAM =
      Structure.of("CMD_CFGI_STE", "SMMUv3 4.3", 2, OPCODE, SSEC, SID, LEAF);

  /** CMD_CFGI_STE_RANGE; CMD_CFGI_ALL is its range 31. */
  public static final Structure CONFIG_STREAMS =
      Structure.of("CMD_CFGI_STE_RANGE", "SMMUv3 4.3", 2, OPCODE, SSEC, SID, RANGE);

  /** CMD_CFGI_CD. */
  public static final Structure CONFIG_CONTEXT =
      Structure.of("CMD_CFGI_CD", "SMMUv3 4.3", 2, OPCODE, SSEC, SSID, SID, LEAF);

  /** CMD_CFGI_CD_ALL. */
  public static final Structure CONFIG_CONTEXTS =
      Structure.of("CMD_CFGI_CD_ALL", "SMMUv3 4.3", 2, OPCODE, SSEC, SID);

  /** CMD_TLBI_NH_ALL and CMD_TLBI_S12_VMALL. */
  public static final Structure TLBI_ALL =
      Structure.of("CMD_TLBI_NH_ALL", "SMMUv3 4.4", 2, OPCODE, SSEC, VMID);

  /** CMD_TLBI_NH_ASID. */
  public static final Structure TLBI_ASID =
      Structure.of("CMD_TLBI_NH_ASID", "SMMUv3 4.4", 2, OPCODE, SSEC, VMID, ASID);

  /** CMD_TLBI_NH_VA, and the EL2 form, where VMID is unused. */
  public static final Structure TLBI_VA =
      Structure.of(
          "CMD_TLBI_NH_VA",
          "SMMUv3 4.4",
          2,
          OPCODE,
          SSEC,
          NUM,
          SCALE,
          VMID,
          ASID,
          LEAF,
          TTL,
          TG,
          ADDRESS);

  /** CMD_TLBI_S2_IPA and CMD_TLBI_NH_VAA. */
  public static final Structure TLBI_IPA =
      Structure.of(
          "CMD_TLBI_S2_IPA",
          "SMMUv3 4.4",
          2,
          OPCODE,
          SSEC,
          NUM,
          SCALE,
          VMID,
          LEAF,
          TTL,
          TG,
          ADDRESS);

  /** CMD_PREFETCH_ADDR; CMD_PREFETCH_CONFIG has its first word. */
  public static final Structure PREFETCH =
      Structure.of(
          "CMD_PREFETCH_ADDR",
          "SMMUv3 4.2",
          2,
          OPCODE,
          SSEC,
          SSV,
          SSID,
          SID,
          PREFETCH_SIZE,
          ADDRESS);

  /** CMD_ATC_INV; concerns no cache of the SMMU. */
  public static final Structure ATC =
      Structure.of(
          "CMD_ATC_INV", "SMMUv3 4.5", 2, OPCODE, GLOBAL, SSEC, SSV, SSID, SID, ATC_SIZE, ADDRESS);

  /** CMD_PRI_RESP. */
  public static final Structure RESPONSE =
      Structure.of("CMD_PRI_RESP", "SMMUv3 4.5", 2, OPCODE, SSEC, SSV, SSID, SID, PRGINDEX, RESP);

  /** CMD_RESUME; CMD_STALL_TERM has its opcode and StreamID. */
  public static final Structure RESUMING =
      Structure.of("CMD_RESUME", "SMMUv3 4.6", 2, OPCODE, SSEC, AC, AB, SID, STAG);

  /** CMD_SYNC. */
  public static final Structure COMPLETION =
      Structure.of(
          "CMD_SYNC", "SMMUv3 4.6", 2, OPCODE, SSEC, CS, MSH, MSIATTR, MSIDATA, MSIADDRESS);

  private Command() {}
}
