package dev.nestwalk.explain;

/**
 * Which bits of an address each level of VT-d's tables resolves (VT-d 3.6, 3.7): nine, at level 1
 * those above the 12 of a 4 KiB page.
 */
final class VtdLevels {
  /** Lowest address bit that a level resolves: log2 of the page that one of its entries maps. */
  static int lowest(int level) {
    return 12 + 9 * (level - 1);
  }

  /** Highest address bit that a level resolves. */
  static int highest(int level) {
    return lowest(level) + 8;
  }

  /** The entry that a level's table has for an address. */
  static long index(long address, int level) {
    return address >>> lowest(level) & 511;
  }

  private VtdLevels() {}
}
