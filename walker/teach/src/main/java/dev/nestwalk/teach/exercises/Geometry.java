package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.TableLevels;

/**
 * Geometry of one stage's tables.
 *
 * @param stage 1 or 2
 * @param granule log2 of the granule
 * @param start level of the start table, as the format numbers levels
 * @param bits number of bits of an input address
 * @param root address of the start table
 * @param upper SMMUv3: whether this is the upper range of stage 1
 */
public record Geometry(
    Format format, int stage, int granule, int start, int bits, long root, boolean upper) {
  boolean isVtd() {
    return format == Format.VTD;
  }

  private TableLevels tables() {
    return isVtd() ? TableLevels.VTD : TableLevels.vmsa(granule);
  }

  /** Level of the smallest page. */
  int last() {
    return tables().last();
  }

  /** Levels from the start table down to the smallest page. */
  int[] levels() {
    int[] levels = new int[Math.abs(start - last()) + 1];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = start - i * tables().up();
    }
    return levels;
  }

  /** Lowest address bit of the index at {@code level}. */
  int shift(int level) {
    return tables().shift(level);
  }

  /** Highest address bit of the index at {@code level}. */
  int top(int level) {
    return level == start ? bits - 1 : shift(level) + tables().stride() - 1;
  }

  long index(long address, int level) {
    return address >>> shift(level) & (1L << top(level) - shift(level) + 1) - 1;
  }

  /** How to find the index at a level, for a worked solution. */
  String indexStep(long address, int level) {
    return "Level %d takes bits %d:%d of %s: index %s (%d)."
        .formatted(
            level,
            top(level),
            shift(level),
            Text.hex(address),
            Text.hex(index(address, level)),
            index(address, level));
  }

  /** Levels at which there can be a page or block. */
  int[] leafLevels() {
    if (isVtd()) {
      return new int[] {1, 2, 3};
    }
    return start <= 1 && granule == 12
        ? new int[] {3, 2, 1}
        : start <= 2 ? new int[] {3, 2} : new int[] {3};
  }

  /** The format's name for what an entry at {@code level} maps. */
  String leafName(int level) {
    return isVtd() || level == 3 ? "page" : "block";
  }

  String stageName() {
    return isVtd()
        ? stage == 1 ? "first stage" : "second stage"
        : stage == 1 ? "stage 1" : "stage 2";
  }

  /** The stage's name in a sentence. */
  String theStage() {
    return isVtd() ? "the " + stageName() : stageName();
  }

  /** The granule's name. */
  String granuleName() {
    return Text.size(1L << granule);
  }
}
