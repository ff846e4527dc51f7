package dev.nestwalk.walk;

import org.jspecify.annotations.Nullable;

/**
 * One stage of a shape at work: what its tables say of an address, of sixteen side by side, or of
 * an address of the tables of the stage above. It has no state of its own; roots, tags and scratch
 * are those of the kernel that asks.
 *
 * <p>Threads: any.
 */
abstract class StageWalk {
  /** The access of the stage above to its tables: a read, which not all memory allows. */
  static final int OF_TABLE = 5;

  /**
   * Which stage of which shape.
   *
   * @param below what its output and the addresses of its tables pass, null if they are physical
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
   * @return a packed answer; of a table the entry that is there, as it lies in memory; 0 where the
   *     full walker has to tell
   */
  abstract long walk(Kernel k, long address, int access);

  /**
   * Walks this stage alone from the lowest table that is known, and keeps what it passes.
   *
   * @param access as {@link #walk} has it
   * @return a packed answer, or 0 where the full walker has to tell
   */
  abstract long hop(Kernel k, long address, int access);

  /** What the page-walk cache knows of the table of level {@code n} for an address, or 0. */
  abstract long known(Kernel k, int n, long address);

  /** An entry of this stage's tables by its place in memory, or 0 outside memory. */
  abstract long entry(Kernel k, long table, long index);

  /** Tells caches of a leaf that holds for every process. */
  abstract void noteGlobal(Kernel k, long leaf);

  // Lanes. Each returns 0, or what a rule would refuse, collected from all lanes.

  /** From the first table to entries[] of the last one; known[] are the rights above those. */
  abstract long down(Kernel k, long[] input, long[] table);

  /** From the last tables that are known to entries[] and known[], as {@link #down}. */
  abstract long lastEntries(Kernel k, long[] input);

  /** What entries[] of last tables give: their pages to output[], rights[] lose what they deny. */
  abstract long leaves(Kernel k, long[] input, long[] output, int access);

  /** Addresses at[] of tables of the stage above to hosts[], the page alone. */
  abstract long tables(Kernel k);
}
