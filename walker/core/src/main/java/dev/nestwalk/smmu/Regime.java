package dev.nestwalk.smmu;

/**
 * The geometry of the tables below one base: granule, levels, sizes (DDI 0487, D8.2). It is filled
 * when a plan is resolved, so that a walk needs no checks of geometry.
 */
final class Regime {
  /** Output addresses in bits 47:lsb. */
  static final int PLAIN = 0;

  /** 64K granule with OA[51:48] in bits 15:12. */
  static final int LPA_64K = 1;

  /** 4K or 16K granule with OA[51:50] in bits 9:8. */
  static final int LPA2 = 2;

  /** Log2 of the granule: 12, 14, 16. */
  int granule;

  /** Index bits of a full level. */
  int stride;

  /** Level of the start table, -1 to 3. */
  int start;

  /** Bits of an input address. */
  int inputBits;

  /** Start table, aligned. */
  long base;

  /** Bits of an output address. */
  int outputBits;

  /** How descriptors hold addresses. */
  int format;

  /** Levels at which blocks are legal, bit n for level n. */
  int blockLevels;

  /** Descriptors are big-endian. */
  boolean bigEndian;

  /** Number of tables on the way. */
  int levels() {
    return 4 - start;
  }

  /** Lowest input bit of the index at {@code level}. */
  int lsb(int level) {
    return granule + stride * (3 - level);
  }

  /** Output address in a descriptor at a level with this {@code lsb}. */
  long address(long descriptor, int lsb) {
    return switch (format) {
      case PLAIN -> (descriptor & 0x0000_ffff_ffff_ffffL) >>> lsb << lsb;
      case LPA_64K ->
          (descriptor & 0x0000_ffff_ffff_ffffL) >>> lsb << lsb | (descriptor >>> 12 & 15) << 48;
      default ->
          (descriptor & 0x0003_ffff_ffff_ffffL) >>> lsb << lsb | (descriptor >>> 8 & 3) << 50;
    };
  }

  /** Sets the granule and what depends on it; the caller sets the start level. */
  void granule(int log2, boolean ds, boolean wide) {
    granule = log2;
    stride = log2 - 3;
    boolean lpa2 = ds && log2 != 16;
    format = lpa2 ? LPA2 : log2 == 16 && wide ? LPA_64K : PLAIN;
    blockLevels =
        switch (log2) {
          case 12 -> 1 << 1 | 1 << 2 | (lpa2 ? 1 : 0);
          case 14 -> 1 << 2 | (lpa2 ? 1 << 1 : 0);
          default -> 1 << 2 | (wide ? 1 << 1 : 0);
        };
  }

  /** Sets the start table, aligned to its own size; call {@link #output} first. */
  void base(long address) {
    int bits = inputBits - lsb(start);
    long size = 8L << bits;
    // With a 64K granule and an effective output size of 52, bits 51:48 of the base are in bits
    // 5:2.
    boolean wideBase = format == LPA2 || format == LPA_64K && outputBits == 52;
    base = address & -(wideBase ? Math.max(64, size) : size);
  }

  /** Limits the output to {@code bits} and to the addresses that descriptors can hold. */
  void output(int bits) {
    outputBits = format == PLAIN ? Math.min(48, bits) : bits;
  }
}
