package dev.nestwalk.vtd;

/**
 * A first-stage walk down to a table, in one word of a structure cache (VT-d 6.2.5): the output
 * address of the table in bits 51:12, and the rights of the entries above it.
 */
final class PartialWalk {
  /** Tables of levels 1 to this are kept. */
  static final int LEVELS = 2;

  /** Bits that {@link #all} tells. */
  static final long RIGHTS = FirstStageEntry.RW.mask() | FirstStageEntry.US.mask();

  static final int RIGHTS_SHIFT = 52;

  /** XD, bit 63 of an entry, is kept in bit 55. */
  private static final int XD_SHIFT = 8;

  private static final long XD = FirstStageEntry.XD.mask();

  /**
   * Packs.
   *
   * @param all AND of the entries above
   * @param some OR of the entries above
   */
  static long of(long table, long all, long some) {
    return table | (all & RIGHTS) << RIGHTS_SHIFT | (some & XD) >>> XD_SHIFT;
  }

  /** AND of the entries above, as far as rights are concerned. */
  static long all(long word) {
    return word >>> RIGHTS_SHIFT & RIGHTS;
  }

  /** OR of the entries above, as far as rights are concerned. */
  static long some(long word) {
    return word << XD_SHIFT & XD;
  }

  private PartialWalk() {}
}
