package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Context descriptor CD (IHI 0070, 5.4), 64 bytes, one per SubstreamID. */
public final class ContextDescriptor {
  /** The lower range has 64 - T0SZ bits. */
  public static final Field T0SZ = Field.of("T0SZ", 5, 0, "the lower range has 64 - T0SZ bits");

  /** Granule of the lower range: 0 4K, 1 64K, 2 16K. */
  public static final Field TG0 =
      Field.of("TG0", 7, 6, "granule of the lower range: 0 4K, 1 64K, 2 16K");

  /** Inner cacheability of TTB0 walks. */
  public static final Field IR0 = Field.of("IR0", 9, 8, "inner cacheability of TTB0 walks");

  /** Outer cacheability of TTB0 walks. */
  public static final Field OR0 = Field.of("OR0", 11, 10, "outer cacheability of TTB0 walks");

  /** Shareability of TTB0 walks. */
  public static final Field SH0 = Field.of("SH0", 13, 12, "shareability of TTB0 walks");

  /** No walks through TTB0. */
  public static final Field EPD0 = Field.bit("EPD0", 14, "no walks through TTB0");

  /** Big-endian tables. */
  public static final Field ENDI = Field.bit("ENDI", 15, "tables: 0 little-endian, 1 big-endian");

  /** The upper range has 64 - T1SZ bits. */
  public static final Field T1SZ = Field.of("T1SZ", 21, 16, "the upper range has 64 - T1SZ bits");

  /** Granule of the upper range: 1 16K, 2 4K, 3 64K. */
  public static final Field TG1 =
      Field.of("TG1", 23, 22, "granule of the upper range: 1 16K, 2 4K, 3 64K");

  /** Inner cacheability of TTB1 walks. */
  public static final Field IR1 = Field.of("IR1", 25, 24, "inner cacheability of TTB1 walks");

  /** Outer cacheability of TTB1 walks. */
  public static final Field OR1 = Field.of("OR1", 27, 26, "outer cacheability of TTB1 walks");

  /** Shareability of TTB1 walks. */
  public static final Field SH1 = Field.of("SH1", 29, 28, "shareability of TTB1 walks");

  /** No walks through TTB1. */
  public static final Field EPD1 = Field.bit("EPD1", 30, "no walks through TTB1");

  /** Valid. */
  public static final Field V = Field.bit("V", 31, "valid");

  /** Stage 1 output size. */
  public static final Field IPS =
      Field.of(
          "IPS",
          34,
          32,
          "stage 1 output size: 0 32 bits, 1 36 bits, 2 40 bits, 3 42 bits, 4 44 bits, 5 48 bits, 6"
              + " 52 bits");

  /** No access flag faults. */
  public static final Field AFFD = Field.bit("AFFD", 35, "no access flag faults");

  /** Writable implies execute-never. */
  public static final Field WXN = Field.bit("WXN", 36, "writable implies execute-never");

  /** AArch32 only. */
  public static final Field UWXN = Field.bit("UWXN", 37, "AArch32 only");

  /** Top byte ignored in the lower range. */
  public static final Field TBI0 = Field.bit("TBI0", 38, "top byte ignored in the lower range");

  /** Top byte ignored in the upper range. */
  public static final Field TBI1 = Field.bit("TBI1", 39, "top byte ignored in the upper range");

  /** Privileged access never. */
  public static final Field PAN = Field.bit("PAN", 40, "privileged access never");

  /** VMSAv8-64 tables. */
  public static final Field AA64 = Field.bit("AA64", 41, "tables: 0 VMSAv8-32, 1 VMSAv8-64");

  /** Hardware dirty state. */
  public static final Field HD = Field.bit("HD", 42, "hardware dirty state");

  /** Hardware access flag. */
  public static final Field HA = Field.bit("HA", 43, "hardware access flag");

  /** Stall on faults. */
  public static final Field S = Field.bit("S", 44, "stall on faults");

  /** Record faults. */
  public static final Field R = Field.bit("R", 45, "record faults");

  /** Abort; else read as zero, ignore writes. */
  public static final Field A =
      Field.bit("A", 46, "refused access: 0 reads zero and ignores writes, 1 aborts");

  /** ASID not in the shared set. */
  public static final Field ASET = Field.bit("ASET", 47, "0: ASID in the shared set; 1: not in it");

  /** ASID. */
  public static final Field ASID = Field.of("ASID", 63, 48, "ASID");

  /** Hierarchical attributes of TTB0 off. */
  public static final Field HAD0 = Field.bit("HAD0", 65, "hierarchical attributes of TTB0 off");

  /** No unprivileged walks through TTB0. */
  public static final Field E0PD0 = Field.bit("E0PD0", 66, "no unprivileged walks through TTB0");

  /** Start table of the lower range. */
  public static final Field TTB0 = Field.of("TTB0", 115, 68, "start table of the lower range");

  /** Hierarchical attributes of TTB1 off. */
  public static final Field HAD1 = Field.bit("HAD1", 129, "hierarchical attributes of TTB1 off");

  /** No unprivileged walks through TTB1. */
  public static final Field E0PD1 = Field.bit("E0PD1", 130, "no unprivileged walks through TTB1");

  /** Start table of the upper range. */
  public static final Field TTB1 = Field.of("TTB1", 179, 132, "start table of the upper range");

  /** 52-bit descriptors at stage 1. */
  public static final Field DS = Field.bit("DS", 186, "52-bit descriptors at stage 1");

  /** Memory attributes 0 to 3. */
  public static final Field MAIR0 = Field.of("MAIR0", 223, 192, "memory attributes 0 to 3");

  /** Memory attributes 4 to 7. */
  public static final Field MAIR1 = Field.of("MAIR1", 255, 224, "memory attributes 4 to 7");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "CD",
          "SMMUv3 5.4",
          8,
          T0SZ,
          TG0,
          IR0,
          OR0,
          SH0,
          EPD0,
          ENDI,
          T1SZ,
          TG1,
          IR1,
          OR1,
          SH1,
          EPD1,
          V,
          IPS,
          AFFD,
          WXN,
          UWXN,
          TBI0,
          TBI1,
          PAN,
          AA64,
          HD,
          HA,
          S,
          R,
          A,
          ASET,
          ASID,
          HAD0,
          E0PD0,
          TTB0,
          HAD1,
          E0PD1,
          TTB1,
          DS,
          MAIR0,
          MAIR1);

  /** Log2 of the granules that TG0 and S2TG encode, 0 for the reserved value. */
  static final int[] LOWER_GRANULES = {12, 16, 14, 0};

  private static final int[] UPPER_GRANULES = {0, 14, 12, 16};

  /** Log2 of the lower range's granule by {@link #TG0}, 0 where that is reserved. */
  public static int lowerGranule(long word0) {
    return LOWER_GRANULES[(int) TG0.get(word0)];
  }

  /** Log2 of the upper range's granule by {@link #TG1}, 0 where that is reserved. */
  static int upperGranule(long word0) {
    return UPPER_GRANULES[(int) TG1.get(word0)];
  }

  private ContextDescriptor() {}
}
