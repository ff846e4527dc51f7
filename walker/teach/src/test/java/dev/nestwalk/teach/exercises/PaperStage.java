package dev.nestwalk.teach.exercises;

/**
 * One stage's tables as a sheet tells them, read off its facts: shape by arithmetic of its own.
 *
 * @param vtd levels count down to 1, else up to 3
 * @param wide leaves hold outputs of 52 bits
 */
record PaperStage(
    boolean vtd, int stage, int granule, int start, int bits, long root, boolean wide) {
  /** The stage that the facts describe; its table is 0 where they do not tell it. */
  static PaperStage of(Exercise exercise, int stage) {
    if (exercise.format() == Format.VTD) {
      String name = stage == 1 ? "first stage" : "second stage";
      int levels = (int) exercise.fact(name + " levels");
      return new PaperStage(
          true, stage, 12, levels, 9 * levels + 12, root(exercise, name + " table"), false);
    }
    int granule = (int) exercise.fact("stage " + stage + " granule");
    if (stage == 2) {
      int sl = (int) exercise.fact("S2SL0");
      int start = granule == 12 ? 2 - sl : 3 - sl;
      int bits = 64 - (int) exercise.fact("S2T0SZ");
      return new PaperStage(false, 2, granule, start, bits, root(exercise, "S2TTB"), false);
    }
    boolean upper = exercise.gives("T1SZ");
    int bits = 64 - (int) exercise.fact(upper ? "T1SZ" : "T0SZ");
    // As many levels as it takes to resolve what is left beside the page.
    int levels = Math.ceilDiv(bits - granule, granule - 3);
    long root = root(exercise, upper ? "TTB1" : "TTB0");
    boolean wide = exercise.gives("CD.IPS") && exercise.fact("CD.IPS") == 6;
    return new PaperStage(false, 1, granule, 4 - levels, bits, root, wide);
  }

  static boolean gives(Exercise exercise, int stage) {
    return exercise.format() == Format.VTD
        ? exercise.gives((stage == 1 ? "first" : "second") + " stage levels")
        : exercise.gives("stage " + stage + " granule");
  }

  private static long root(Exercise exercise, String name) {
    return exercise.gives(name) ? exercise.fact(name) : 0;
  }

  int shift(int level) {
    int above = vtd ? level - 1 : 3 - level;
    return granule + above * (granule - 3);
  }

  long index(long address, int level) {
    long within = address << 64 - bits >>> 64 - bits;
    long index = within >>> shift(level);
    return level == start ? index : index % (1L << granule - 3);
  }

  int next(int level) {
    return vtd ? level - 1 : level + 1;
  }

  boolean isLast(int level) {
    return vtd ? level == 1 : level == 3;
  }

  /** Level whose entries map pages of a size. */
  int levelOf(long size) {
    int level = vtd ? 1 : 3;
    while (1L << shift(level) != size) {
      level = vtd ? level + 1 : level - 1;
    }
    return level;
  }

  /** Entries read down to a page of a size. */
  int reads(long size) {
    return Math.abs(start - levelOf(size)) + 1;
  }

  /** The address in an entry, of a table or of a page of {@code level}. */
  long addressIn(long entry, int level, boolean leaf) {
    int low = leaf ? shift(level) : granule;
    int high = vtd ? 52 : 48;
    long address = entry << 64 - high >>> 64 - high >>> low << low;
    if (!wide) {
      return address;
    }
    // 64K: OA[51:48] in bits 15:12. Else, with DS, OA[51:50] in bits 9:8.
    return granule == 16
        ? address + (entry >>> 12 & 15) * (1L << 48)
        : address + (entry >>> 48 & 3) * (1L << 48) + (entry >>> 8 & 3) * (1L << 50);
  }
}
