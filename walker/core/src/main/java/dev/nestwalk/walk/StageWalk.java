package dev.nestwalk.walk;

import org.jspecify.annotations.Nullable;

/**
 * One stage of a shape: translates an address, sixteen addresses side by side, or the address of a
 * table of the stage above. It has no state of its own; roots, tags and scratch belong to the
 * kernel that calls.
 *
 * <p>Threads: any.
 */
abstract class StageWalk {
  /** The access of the stage above to its tables: a read, which some memory types do not allow. */
  static final int OF_TABLE = 5;

  /**
   * A stage's position in a shape.
   *
   * @param below the stage that its output and the addresses of its tables pass, or null if they
   *     are physical
   */
  record Part(Shape shape, boolean isFirst, @Nullable StageWalk below) {
    Stage stage() {
      return isFirst ? shape.first() : shape.second();
    }
  }

  /**
   * Walks from the first table, through the stage below too.
   *
   * @param access 1 read, 2 write, 3 both, or {@link #OF_TABLE}
   * @return a packed answer; for a table the entry itself, as it is in memory; 0 if the full walker
   *     has to decide
   */
  abstract long walk(Kernel k, long address, int access);

  /**
   * Walks this stage alone from the lowest cached table, and caches the tables on the way.
   *
   * @param access see {@link #walk}
   * @return a packed answer, or 0 if the full walker has to decide
   */
  abstract long hop(Kernel k, long address, int access);

  /** The page-walk cache's table of level {@code n} for an address, or 0. */
  abstract long known(Kernel k, int n, long address);

  /** An entry of this stage's tables, by its place in memory; 0 outside memory. */
  abstract long entry(Kernel k, long table, long index);

  /** Notes in the caches that a leaf is valid for every process, if it is. */
  abstract void noteGlobal(Kernel k, long leaf);

  // Lanes. Each method returns 0, or what a rule would refuse, collected from all lanes.

  /**
   * Walks from the first table to entries[] of the last one; known[] are the rights above those.
   */
  abstract long down(Kernel k, long[] input, long[] table);

  /** Walks from the last tables, if cached, to entries[] and known[], as {@link #down} does. */
  abstract long lastEntries(Kernel k, long[] input);

  /**
   * Writes the pages of entries[] of last tables to output[], and removes from rights[] what they
   * deny.
   */
  abstract long leaves(Kernel k, long[] input, long[] output, int access);

  /** Translates the addresses at[] of tables of the stage above to the pages hosts[]. */
  abstract long tables(Kernel k);
}
