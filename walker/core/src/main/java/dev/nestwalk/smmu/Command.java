package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;

/** Commands, 16 bytes (IHI 0070, chapter 4): opcodes and operands. */
public final class Command {
  static final int PREFETCH_CONFIG = 0x01;
  static final int PREFETCH_ADDR = 0x02;
  static final int CFGI_STE = 0x03;
  static final int CFGI_STE_RANGE = 0x04;
  static final int CFGI_CD = 0x05;
  static final int CFGI_CD_ALL = 0x06;
  static final int CFGI_VMS_PIDM = 0x07;
  static final int TLBI_NH_ALL = 0x10;
  static final int TLBI_NH_ASID = 0x11;
  static final int TLBI_NH_VA = 0x12;
  static final int TLBI_NH_VAA = 0x13;
  static final int TLBI_EL2_ALL = 0x20;
  static final int TLBI_EL2_ASID = 0x21;
  static final int TLBI_EL2_VA = 0x22;
  static final int TLBI_EL2_VAA = 0x23;
  static final int TLBI_S12_VMALL = 0x28;
  static final int TLBI_S2_IPA = 0x2a;
  static final int TLBI_NSNH_ALL = 0x30;
  static final int ATC_INV = 0x40;
  static final int PRI_RESP = 0x41;
  static final int RESUME = 0x44;
  static final int STALL_TERM = 0x45;
  static final int SYNC = 0x46;

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
  public static final Field LEAF = Field.bit("LEAF", 64, "1: only leaves changed");

  /** Level of the leaf. */
  public static final Field TTL = Field.of("TTL", 73, 72, "level of the leaf, 0 for any");

  /** Granule. */
  public static final Field TG = Field.of("TG", 75, 74, "granule: 1 4K, 2 16K, 3 64K, 0 no range");

  /** First address. */
  public static final Field ADDRESS = Field.of("ADDRESS", 127, 76, "address");

  private Command() {}
}
