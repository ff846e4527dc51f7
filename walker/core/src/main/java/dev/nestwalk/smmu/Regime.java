package dev.nestwalk.smmu;

import dev.nestwalk.cache.Probe;
import dev.nestwalk.cache.Tag;
import dev.nestwalk.cache.TranslationCache;
import org.jspecify.annotations.Nullable;

/**
 * The geometry of one table base: granule, levels, sizes (DDI 0487, D8.2). Filled while a plan is
 * resolved; a walk meets only legal geometry.
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

  /** Little-endian descriptors with plain addresses: {@link SmoothWalk} reads them. */
  boolean smooth;

  /** Address bits that no valid descriptor has, if {@link #smooth}. */
  long beyond;

  /** Address bits of a table descriptor, if {@link #smooth}. */
  long tables;

  // Of a stage 1 range, what a walk of pages asks for; see settleStage1.

  /** Where the last tables are found. */
  final Probe lastTables = new Probe();

  /** The range is on, and {@link SmoothWalk} knows all its rules. */
  boolean open;

  /** High bits of an address that do not count. */
  int ignored;

  /** Bits 63..{@link #inputBits} of an address, all equal. */
  long prefix;

  /** Bits that every page descriptor has. */
  long page;

  /** Limits of table descriptors that count: 1 for APTable[0], 2 for APTable[1]. */
  long limits;

  /** Works out what a walk of pages needs of a stage 1 range. */
  void settleStage1(boolean closed, boolean topIgnored, boolean upper, boolean flat, long user) {
    settle();
    open = smooth && !closed;
    ignored = topIgnored ? 8 : 0;
    prefix = upper ? -1 : 0;
    page = user | Stage1Descriptor.AF.mask() | SmoothWalk.TABLE;
    limits = flat ? 0 : user == 0 ? 2 : 3;
  }

  /** Aims at the last tables. */
  void aim(@Nullable TranslationCache cache, Tag tag) {
    lastTables.aim(start < 3 ? cache : null, tag, start < 3 ? lsb(2) : granule, 1);
  }

  /** Works out what {@link SmoothWalk} needs. */
  void settle() {
    smooth = format == PLAIN && !bigEndian;
    beyond = (1L << 48) - 1 & -(1L << outputBits);
    tables = (1L << 48) - 1 & -(1L << granule);
  }

  /** Whether a page or block may be at the level with this lowest input bit. */
  boolean isLeaf(int lsb) {
    return lsb == granule || (blockLevels >>> 3 - (lsb - granule) / stride & 1) != 0;
  }

  /** Where the next descriptor is, below a table descriptor. */
  long next(long descriptor, long input, int lsb) {
    return (descriptor & tables) + ((input >>> lsb & (1L << stride) - 1) << 3);
  }

  /** Lowest input bit that an index of {@code level} resolves. */
  int lsb(int level) {
    return granule + stride * (3 - level);
  }

  /** Output address of a descriptor at a level with this {@code lsb}. */
  long address(long descriptor, int lsb) {
    return switch (format) {
      case PLAIN -> (descriptor & 0x0000_ffff_ffff_ffffL) >>> lsb << lsb;
      case LPA_64K ->
          (descriptor & 0x0000_ffff_ffff_ffffL) >>> lsb << lsb | (descriptor >>> 12 & 15) << 48;
      default ->
          (descriptor & 0x0003_ffff_ffff_ffffL) >>> lsb << lsb | (descriptor >>> 8 & 3) << 50;
    };
  }

  /** Sets granule and what follows from it; the start level is set by the caller. */
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

  /** Sets the start table, aligned to its own size; {@link #output} was called before. */
  void base(long address) {
    int bits = inputBits - lsb(start);
    long size = 8L << bits;
    // A 64K granule's base has its bits 51:48 in bits 5:2 if the effective output size is 52.
    boolean wideBase = format == LPA2 || format == LPA_64K && outputBits == 52;
    base = address & -(wideBase ? Math.max(64, size) : size);
  }

  /** Limits the output to {@code bits} and to what the descriptors can hold. */
  void output(int bits) {
    outputBits = format == PLAIN ? Math.min(48, bits) : bits;
  }
}
