package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Identification register 0 (IHI 0070, 6.3.1). */
public final class Idr0 {
  /** Stage 2 present. */
  public static final Field S2P = Field.bit("S2P", 0, "stage 2 present");

  /** Stage 1 present. */
  public static final Field S1P = Field.bit("S1P", 1, "stage 1 present");

  /** Table formats: 1 AArch32, 2 AArch64, 3 both. */
  public static final Field TTF =
      Field.of("TTF", 3, 2, "table formats: 1 AArch32, 2 AArch64, 3 both");

  /** Table walks and queues are coherent. */
  public static final Field COHACC = Field.bit("COHACC", 4, "coherent access to tables and queues");

  /** Hardware updates: 0 none, 1 access flag, 2 and dirty state. */
  public static final Field HTTU =
      Field.of(
          "HTTU", 7, 6, "hardware updates: 0 none, 1 access flag, 2 access flag and dirty state");

  /** EL2 stream world. */
  public static final Field HYP = Field.bit("HYP", 9, "EL2 stream world");

  /** ATS. */
  public static final Field ATS = Field.bit("ATS", 10, "ATS");

  /** No split-stage ATS. */
  public static final Field NS1ATS = Field.bit("NS1ATS", 11, "no split-stage ATS");

  /** 16-bit ASIDs. */
  public static final Field ASID16 = Field.bit("ASID16", 12, "16-bit ASIDs");

  /** Message signalled interrupts. */
  public static final Field MSI = Field.bit("MSI", 13, "message signalled interrupts");

  /** Wake events on completion of CMD_SYNC. */
  public static final Field SEV = Field.bit("SEV", 14, "CMD_SYNC may send a wake event");

  /** Address translation operations in registers. */
  public static final Field ATOS = Field.bit("ATOS", 15, "translation by registers");

  /** Page request interface. */
  public static final Field PRI = Field.bit("PRI", 16, "page request queue");

  /** VMID wildcards. */
  public static final Field VMW = Field.bit("VMW", 17, "invalidations may ignore low VMID bits");

  /** 16-bit VMIDs. */
  public static final Field VMID16 = Field.bit("VMID16", 18, "16-bit VMIDs");

  /** Two-level CD tables. */
  public static final Field CD2L = Field.bit("CD2L", 19, "two-level CD tables");

  /** Address translation operations for virtual machines. */
  public static final Field VATOS =
      Field.bit("VATOS", 20, "translation by registers for virtual machines");

  /** 0 mixed, 2 little, 3 big. */
  public static final Field TTENDIAN =
      Field.of(
          "TTENDIAN",
          22,
          21,
          "tables may be: 0 little- or big-endian, 2 little-endian, 3 big-endian");

  /** Errors of ATS requests can be recorded. */
  public static final Field ATSRECERR =
      Field.bit("ATSRECERR", 23, "configuration errors of ATS requests can be recorded");

  /** 0 stall and terminate, 1 terminate only, 2 stall forced. */
  public static final Field STALL_MODEL =
      Field.of("STALL_MODEL", 25, 24, "0 stall and terminate, 1 terminate only, 2 stall forced");

  /** Only abort termination. */
  public static final Field TERM_MODEL = Field.bit("TERM_MODEL", 26, "only abort termination");

  /** 1 two-level stream tables. */
  public static final Field ST_LEVEL =
      Field.of("ST_LEVEL", 28, 27, "stream tables: 0 linear, 1 linear or two-level");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "IDR0",
          "SMMUv3 6.3.1",
          1,
          S2P,
          S1P,
          TTF,
          COHACC,
          HTTU,
          HYP,
          ATS,
          NS1ATS,
          ASID16,
          MSI,
          SEV,
          ATOS,
          PRI,
          VMW,
          VMID16,
          CD2L,
          VATOS,
          TTENDIAN,
          ATSRECERR,
          STALL_MODEL,
          TERM_MODEL,
          ST_LEVEL);

  private Idr0() {}
}
