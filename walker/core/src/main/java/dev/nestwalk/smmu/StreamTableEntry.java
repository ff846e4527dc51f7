package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Stream table entry STE (IHI 0070, 5.2), 64 bytes, one per StreamID. */
public final class StreamTableEntry {
  /** Valid. */
  public static final Field V = Field.bit("V", 0, "valid");

  /** 0xx abort, 100 bypass, 101 stage 1, 110 stage 2, 111 nested. */
  public static final Field CONFIG =
      Field.of("CONFIG", 3, 1, "0xx abort, 100 bypass, 101 stage 1, 110 stage 2, 111 nested");

  /** CD table: 0 linear, 1 two-level 4K leaves, 2 two-level 64K leaves. */
  public static final Field S1FMT =
      Field.of("S1FMT", 5, 4, "CD table: 0 linear, 1 two-level 4K leaves, 2 two-level 64K leaves");

  /** CD or CD table; an IPA when nested. */
  public static final Field S1CONTEXTPTR =
      Field.of("S1CONTEXTPTR", 51, 6, "CD or CD table; an IPA when nested");

  /** Log2 of the number of CDs; 0 means one CD, no substreams. */
  public static final Field S1CDMAX =
      Field.of("S1CDMAX", 63, 59, "0: one CD, no substreams; else a table of 2^S1CDMAX CDs");

  /** Without SubstreamID: 0 terminate, 1 bypass stage 1, 2 use CD 0. */
  public static final Field S1DSS =
      Field.of("S1DSS", 65, 64, "without SubstreamID: 0 terminate, 1 bypass stage 1, 2 use CD 0");

  /** Inner cacheability of CD fetches. */
  public static final Field S1CIR = Field.of("S1CIR", 67, 66, "inner cacheability of CD fetches");

  /** Outer cacheability of CD fetches. */
  public static final Field S1COR = Field.of("S1COR", 69, 68, "outer cacheability of CD fetches");

  /** Shareability of CD fetches. */
  public static final Field S1CSH = Field.of("S1CSH", 71, 70, "shareability of CD fetches");

  /** Destructive reads allowed. */
  public static final Field DRE = Field.bit("DRE", 76, "destructive reads allowed");

  /** Contiguous STE hint. */
  public static final Field CONT = Field.of("CONT", 80, 77, "contiguous STE hint");

  /** Directed cache prefetch. */
  public static final Field DCP = Field.bit("DCP", 81, "directed cache prefetch");

  /** Page response with PASID. */
  public static final Field PPAR = Field.bit("PPAR", 82, "page response with PASID");

  /** Events may be merged. */
  public static final Field MEV = Field.bit("MEV", 83, "events may be merged");

  /** Stage 2 forces write-back. */
  public static final Field S2FWB = Field.bit("S2FWB", 89, "stage 2 forces write-back");

  /** Stage 1 must not stall. */
  public static final Field S1STALLD = Field.bit("S1STALLD", 91, "stage 1 must not stall");

  /** ATS: 0 off, 1 full, 2 split-stage. */
  public static final Field EATS = Field.of("EATS", 93, 92, "ATS: 0 off, 1 full, 2 split-stage");

  /** Stream world of stage 1: 0 NS-EL1, 2 EL2. */
  public static final Field STRW =
      Field.of("STRW", 95, 94, "stream world of stage 1: 0 NS-EL1, 2 EL2");

  /** Memory type when MTCFG is set. */
  public static final Field MEMATTR = Field.of("MEMATTR", 99, 96, "memory type when MTCFG is set");

  /** Replace the memory type. */
  public static final Field MTCFG = Field.bit("MTCFG", 100, "replace the memory type");

  /** Allocation hints. */
  public static final Field ALLOCCFG = Field.of("ALLOCCFG", 104, 101, "allocation hints");

  /** Shareability: 1 incoming. */
  public static final Field SHCFG = Field.of("SHCFG", 109, 108, "shareability: 1 incoming");

  /** Security override, secure streams only. */
  public static final Field NSCFG =
      Field.of("NSCFG", 111, 110, "security override, secure streams only");

  /** Privilege: 0 incoming, 2 unprivileged, 3 privileged. */
  public static final Field PRIVCFG =
      Field.of("PRIVCFG", 113, 112, "privilege: 0 incoming, 2 unprivileged, 3 privileged");

  /** Reads: 0 incoming, 2 data, 3 instruction. */
  public static final Field INSTCFG =
      Field.of("INSTCFG", 115, 114, "reads: 0 incoming, 2 data, 3 instruction");

  /** VMID. */
  public static final Field S2VMID = Field.of("S2VMID", 143, 128, "VMID");

  /** Stage 2 input has 64 - S2T0SZ bits. */
  public static final Field S2T0SZ =
      Field.of("S2T0SZ", 165, 160, "stage 2 input has 64 - S2T0SZ bits");

  /** Stage 2 start level. */
  public static final Field S2SL0 = Field.of("S2SL0", 167, 166, "stage 2 start level");

  /** Inner cacheability of stage 2 walks. */
  public static final Field S2IR0 =
      Field.of("S2IR0", 169, 168, "inner cacheability of stage 2 walks");

  /** Outer cacheability of stage 2 walks. */
  public static final Field S2OR0 =
      Field.of("S2OR0", 171, 170, "outer cacheability of stage 2 walks");

  /** Shareability of stage 2 walks. */
  public static final Field S2SH0 = Field.of("S2SH0", 173, 172, "shareability of stage 2 walks");

  /** Granule: 0 4K, 1 64K, 2 16K. */
  public static final Field S2TG = Field.of("S2TG", 175, 174, "granule: 0 4K, 1 64K, 2 16K");

  /** Stage 2 output size. */
  public static final Field S2PS =
      Field.of(
          "S2PS",
          178,
          176,
          "stage 2 output size: 0 32 bits, 1 36 bits, 2 40 bits, 3 42 bits, 4 44 bits, 5 48 bits, 6"
              + " 52 bits");

  /** VMSAv8-64 tables. */
  public static final Field S2AA64 =
      Field.bit("S2AA64", 179, "stage 2 tables: 0 VMSAv8-32, 1 VMSAv8-64");

  /** Big-endian tables. */
  public static final Field S2ENDI =
      Field.bit("S2ENDI", 180, "stage 2 tables: 0 little-endian, 1 big-endian");

  /** No access flag faults. */
  public static final Field S2AFFD = Field.bit("S2AFFD", 181, "no access flag faults");

  /** Stage 1 walks must not meet Device memory. */
  public static final Field S2PTW =
      Field.bit("S2PTW", 182, "stage 1 walks must not meet Device memory");

  /** Hardware dirty state. */
  public static final Field S2HD = Field.bit("S2HD", 183, "hardware dirty state");

  /** Hardware access flag. */
  public static final Field S2HA = Field.bit("S2HA", 184, "hardware access flag");

  /** Stall on stage 2 faults. */
  public static final Field S2S = Field.bit("S2S", 185, "stall on stage 2 faults");

  /** Record stage 2 faults. */
  public static final Field S2R = Field.bit("S2R", 186, "record stage 2 faults");

  /** Third bit of S2SL0, with S2DS. */
  public static final Field S2SL0_2 = Field.bit("S2SL0_2", 194, "third bit of S2SL0, with S2DS");

  /** 52-bit descriptors at stage 2. */
  public static final Field S2DS = Field.bit("S2DS", 195, "52-bit descriptors at stage 2");

  /** Stage 2 start table. */
  public static final Field S2TTB = Field.of("S2TTB", 243, 196, "stage 2 start table");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "STE",
          "SMMUv3 5.2",
          8,
          V,
          CONFIG,
          S1FMT,
          S1CONTEXTPTR,
          S1CDMAX,
          S1DSS,
          S1CIR,
          S1COR,
          S1CSH,
          DRE,
          CONT,
          DCP,
          PPAR,
          MEV,
          S2FWB,
          S1STALLD,
          EATS,
          STRW,
          MEMATTR,
          MTCFG,
          ALLOCCFG,
          SHCFG,
          NSCFG,
          PRIVCFG,
          INSTCFG,
          S2VMID,
          S2T0SZ,
          S2SL0,
          S2IR0,
          S2OR0,
          S2SH0,
          S2TG,
          S2PS,
          S2AA64,
          S2ENDI,
          S2AFFD,
          S2PTW,
          S2HD,
          S2HA,
          S2S,
          S2R,
          S2SL0_2,
          S2DS,
          S2TTB);

  /** Log2 of stage 2's granule by {@link #S2TG}, 0 where that is reserved. */
  public static int granule(long word2) {
    return ContextDescriptor.LOWER_GRANULES[(int) S2TG.get(word2)];
  }

  private StreamTableEntry() {}
}
