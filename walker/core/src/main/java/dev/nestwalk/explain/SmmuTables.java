package dev.nestwalk.explain;

import dev.nestwalk.smmu.Stage1Descriptor;

/**
 * Geometry of one set of VMSAv8-64 tables, computed when it is needed (DDI 0487, D8.2).
 *
 * @param granule log2 of the granule
 * @param start start level
 * @param inputBits bits of an input address
 * @param base table base from the STE or CD
 * @param outputBits bits of an output address
 * @param ds descriptors hold OA[51:50] in bits 9:8
 * @param wide a 64K granule's descriptors hold OA[51:48] in bits 15:12
 * @param bigEndian descriptors are big-endian
 * @param sharing SH0, SH1 or S2SH0: the shareability of pages whose descriptors hold none (ds)
 */
record SmmuTables(
    int granule,
    int start,
    int inputBits,
    long base,
    int outputBits,
    boolean ds,
    boolean wide,
    boolean bigEndian,
    int sharing) {

  int offsetBits(int level) {
    int bits = granule;
    for (int below = 3; below > level; below--) {
      bits += granule - 3;
    }
    return bits;
  }

  /** The shareability of the page that a descriptor maps. */
  int shareability(long descriptor) {
    return ds ? sharing : (int) Stage1Descriptor.SH.get(descriptor);
  }

  /** Limits the output to 48 bits if descriptors cannot hold more. */
  int outputLimit() {
    return ds || wide ? outputBits : Math.min(outputBits, 48);
  }

  /** Address of the start table; the low bits of the base are ignored. */
  long startTable() {
    long entries = 1L << inputBits - offsetBits(start);
    long bytes = entries * 8;
    if ((ds || wide && outputBits == 52) && bytes < 64) {
      bytes = 64;
    }
    return base - Long.remainderUnsigned(base, bytes);
  }

  long index(long address, int level) {
    long within = address & (1L << inputBits) - 1;
    if (level > start) {
      within &= (1L << offsetBits(level - 1)) - 1;
    }
    return within >>> offsetBits(level);
  }

  /** Highest address bit of the index at this level. */
  int highestBit(int level) {
    return (level == start ? inputBits : offsetBits(level - 1)) - 1;
  }

  boolean allowsBlock(int level) {
    return switch (granule) {
      case 12 -> level == 1 || level == 2 || level == 0 && ds;
      case 14 -> level == 2 || level == 1 && ds;
      default -> level == 2 || level == 1 && wide;
    };
  }

  /** Output address in a descriptor, with its low {@code zeros} bits clear. */
  long output(long descriptor, int zeros) {
    long address = descriptor & (1L << (ds ? 50 : 48)) - 1;
    address -= Long.remainderUnsigned(address, 1L << zeros);
    if (ds) {
      address += (descriptor >>> 8 & 3) << 50;
    } else if (wide) {
      address += (descriptor >>> 12 & 15) << 48;
    }
    return address;
  }

  long order(long word) {
    return bigEndian ? Long.reverseBytes(word) : word;
  }
}
