package dev.nestwalk;

import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * Page tables that are changed at random, entry by entry: leaves, large leaves, whole tables that
 * come and go and come back elsewhere. The inputs in use are also the outputs, so that one stage
 * leads to another, and tables lie in memory that every second stage maps to itself.
 */
final class PreciseTables {
  /** Where requests go. */
  static final long[] PAGES = {
    0x4000_0000L, 0x4000_1000L, 0x4000_3000L, 0x4020_0000L, 0x4021_0000L, 0x8000_0000L,
    0xc000_0000L, 0xfedf_f000L, 0xfee0_1000L, 0xfef0_0000L, 0xffff_f000L, 0x1_0000_0000L
  };

  private static final int SPARE = 3;
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;

  /**
   * How entries look.
   *
   * @param shifts lowest input bit of each level, from the root on
   * @param from first level whose entries may change
   * @param largest largest shift of a leaf
   * @param mark bits that tell an entry that leads to a table from others
   * @param table bits of an entry that leads to a table
   * @param page bits that a small leaf has at least; {@code block} those of a large one
   * @param optional bits that leaves have or not
   * @param flags those of them that a guest sets and clears by themselves, and a unit may set
   */
  @SuppressWarnings("ArrayRecordComponent") // constants, never compared
  record Shape(
      int[] shifts,
      int from,
      int largest,
      long mark,
      long table,
      long page,
      long block,
      long optional,
      long flags) {
    int granule() {
      return shifts[shifts.length - 1];
    }
  }

  /**
   * An entry was changed.
   *
   * @param first input address of what it maps
   * @param shift log2 of that
   * @param leafOnly neither before nor after it led to a table
   * @param before the entry before
   * @param flagsOnly only flags changed
   */
  record Edit(long first, int shift, boolean leafOnly, long before, boolean flagsOnly) {
    PreciseScene.Kind kind(PreciseScene.Kind stage) {
      boolean flags = flagsOnly && stage == PreciseScene.Kind.FIRST_STAGE;
      return flags ? PreciseScene.Kind.FLAGS : stage;
    }

    long last() {
      return first | (1L << shift) - 1;
    }
  }

  final Shape shape;
  final long root;

  /** Leaves may hold for every ASID. */
  final boolean global;

  private final TableMemory memory;
  private final List<List<Long>> spare = new ArrayList<>();

  PreciseTables(TableMemory memory, Shape shape, long root, boolean global) {
    this.memory = memory;
    this.shape = shape;
    this.root = root;
    this.global = global;
    for (int level = 1; level < shape.shifts.length; level++) {
      List<Long> tables = new ArrayList<>();
      for (int i = 0; i < SPARE; i++) {
        tables.add(memory.allocateAligned(1L << shape.granule()));
      }
      spare.add(tables);
    }
  }

  private long slot(long table, int level, long address) {
    int bits = shape.granule() - 3;
    return table + (address >>> shape.shifts[level] & (1L << bits) - 1) * 8;
  }

  private boolean isTable(long word, int level) {
    return level < shape.shifts.length - 1 && (word & shape.mark) == (shape.table & shape.mark);
  }

  /** Maps a block to itself, with {@code bits} beside those of a large leaf. */
  void identity(long address, int level, long bits) {
    long table = root;
    for (int at = 0; at < level; at++) {
      long slot = slot(table, at, address);
      if (memory.get(slot) == 0) {
        memory.put(slot, spare.get(at).remove(0) | shape.table);
      }
      table = memory.get(slot) & ADDRESS;
    }
    memory.put(slot(table, level, address), address | shape.block | bits);
  }

  /** Maps most pages, to begin with. */
  void fill(Chance chance) {
    for (int i = 0; i < 6 * PAGES.length; i++) {
      change(PAGES[i % PAGES.length], chance);
    }
  }

  /** Changes an entry on the way of an address. */
  Edit change(long address, Chance chance) {
    long table = root;
    for (int level = 0; ; level++) {
      long slot = slot(table, level, address);
      long word = memory.get(slot);
      boolean leads = isTable(word, level);
      if (level < shape.from || leads && chance.below(8) != 0) {
        table = word & ADDRESS;
        continue;
      }
      int shift = shape.shifts[level];
      boolean keeps = !leads && word != 0 && chance.below(5) == 0;
      long after = keeps ? word ^ chance.some(shape.flags, 60) : entry(level, chance);
      if (leads) {
        // The table may come back, here or elsewhere, with what it holds.
        spare.get(level).add(word & ADDRESS);
      }
      memory.put(slot, after);
      boolean leafOnly = !leads && !isTable(after, level);
      return new Edit(address >>> shift << shift, shift, leafOnly, word, keeps);
    }
  }

  private long entry(int level, Chance chance) {
    int shift = shape.shifts[level];
    boolean last = level == shape.shifts.length - 1;
    if (chance.below(9) == 0) {
      return 0;
    }
    if (!last && (shift > shape.largest || chance.below(4) != 0) && !spare.get(level).isEmpty()) {
      List<Long> tables = spare.get(level);
      return tables.remove(chance.below(tables.size())) | shape.table;
    }
    if (shift > shape.largest) {
      return 0;
    }
    long output = PAGES[chance.below(PAGES.length)] >>> shift << shift;
    long bits = (last ? shape.page : shape.block) | chance.some(shape.optional, 70);
    return output | bits;
  }
}
