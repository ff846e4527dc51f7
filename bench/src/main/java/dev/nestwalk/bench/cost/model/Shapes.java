package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.fixtures.TableLevels;

/** Levels and granules of a cell's tables, checked: what the formats' own rules allow. */
final class Shapes {
  /** The contiguous hint of a page or block of VMSAv8-64, of either stage. */
  static final long CONTIGUOUS = 1L << 52;

  private static final int FULL = 48;

  /** Of five levels of SMMUv3: LPA2. */
  private static final int WIDE = 52;

  final boolean vtd;
  final int granule;

  /** What each level resolves. */
  final TableLevels tables;

  /** Levels of stage 1, of stage 2; 0 where the stage is not used. */
  final int levels1;

  final int levels2;

  /** SMMUv3: start levels and input bits. */
  final int start1;

  final int start2;
  final int bits1;
  final int bits2;

  /** Whether tables of stage 1, of stage 2, have contiguous hints. */
  final boolean hints1;

  final boolean hints2;

  Shapes(Cell cell) {
    vtd = cell.isVtd();
    granule =
        switch (cell.get(Axis.GRANULE)) {
          case "16k" -> 14;
          case "64k" -> 16;
          default -> 12;
        };
    if (vtd && granule != 12) {
      throw new IllegalArgumentException(
          "granule: VT-d's pages are of 4k, not " + cell.get(Axis.GRANULE));
    }
    tables = vtd ? TableLevels.VTD : TableLevels.vmsa(granule);
    String depth = cell.get(Axis.DEPTH);
    int full = granule == 16 ? 3 : 4;
    int one = depth.equals("full") ? full : depth.charAt(0) - '0';
    int two = depth.equals("full") ? full : depth.charAt(2) - '0';
    levels1 = cell.usesFirst() ? one : 0;
    levels2 = cell.usesSecond() ? two : 0;
    int least = granule == 16 ? 2 : 3;
    int most = granule == 12 ? 5 : full;
    check(cell, levels1, vtd ? 4 : least, most, vtd ? "VT-d 9.6: FSPM" : "DDI 0487, D8.2");
    check(cell, levels2, least, most, vtd ? "VT-d 9.6: AW" : "DDI 0487, D8.2");
    hints1 = cell.hasHints(1);
    hints2 = cell.hasHints(2);
    if (vtd && (hints1 || hints2)) {
      throw new IllegalArgumentException(
          "contiguous %s: VT-d's entries have no contiguous hint, SMMUv3's have"
              .formatted(cell.get(Axis.CONTIGUOUS)));
    }
    start1 = 4 - one;
    bits1 = bits(start1);
    // A second stage of 16K that starts at level 0 is not allowed (DDI 0487, D8.2); 48 bits begin
    // with two tables of level 1 side by side.
    boolean joined = granule == 14 && two == 4;
    start2 = joined ? 1 : 4 - two;
    bits2 = joined ? FULL : bits(start2);
  }

  /** Bits of an address that tables resolve which start at a level of SMMUv3. */
  private int bits(int start) {
    return Math.min(start < 0 ? WIDE : FULL, TableLevels.vmsa(granule).shift(start - 1));
  }

  /** Whether a stage of SMMUv3 has five levels, which begin at level -1 with LPA2. */
  boolean isWide() {
    return !vtd && (levels1 == 5 || levels2 == 5);
  }

  private static void check(Cell cell, int levels, int least, int most, String section) {
    if (levels != 0 && (levels < least || levels > most)) {
      throw new IllegalArgumentException(
          "depth %s: tables of this format, stage and granule have %d to %d levels (%s)"
              .formatted(cell.get(Axis.DEPTH), least, most, section));
    }
  }

  /**
   * Log2 of the bytes of a group of leaves that a contiguous hint makes one of (DDI 0487, D8.7): 16
   * with a granule of 4K; with 16K 128 pages or 32 blocks; 32 with 64K.
   */
  int group(int level) {
    int entries = granule == 12 ? 4 : granule == 14 && level == 3 ? 7 : 5;
    return shift(level) + entries;
  }

  /** Lowest address bit that an entry of a level resolves; levels as the format counts. */
  int shift(int level) {
    return tables.shift(level);
  }

  /** Level whose leaves span 2^sizeLog2 bytes; 0 stands for the granule. */
  int level(int sizeLog2) {
    int size = sizeLog2 == 0 ? granule : sizeLog2;
    int up = (size - granule) / tables.stride();
    boolean fits =
        (size - granule) % tables.stride() == 0 && up >= 0 && up <= (granule == 12 ? 2 : 1);
    if (!fits) {
      throw new IllegalArgumentException(
          "pages: tables with a granule of 2^%d bytes have no pages of 2^%d"
              .formatted(granule, size));
    }
    return tables.above(up);
  }

  /** Log2 of a size, 0 resolved. */
  int size(int sizeLog2) {
    return sizeLog2 == 0 ? granule : sizeLog2;
  }
}
