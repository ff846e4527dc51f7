package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.TableSpace;
import java.lang.foreign.Arena;

/** Random small machines of either format. */
final class Scenes {
  /** VT-d treats writes to 0xfee00000 to 0xfeefffff as interrupts. */
  private static final long INTERRUPTS = 0xfee;

  private static final long LOWEST = 1L << 32;

  /** A random multiple of 2^{@code align} below 2^{@code bits}, and above 4 GiB. */
  static long somewhere(Chance chance, int bits, int align) {
    long address;
    do {
      address = chance.bits() >>> 64 - bits >>> align << align;
    } while (address < LOWEST);
    return address;
  }

  /**
   * An address of one stage whose indices are neither 0 nor the last, so that each entry has
   * neighbours.
   */
  static long address(Chance chance, Geometry geometry) {
    long address;
    do {
      address = anyAddress(chance, geometry);
    } while (address >>> 20 == INTERRUPTS);
    return address;
  }

  private static long anyAddress(Chance chance, Geometry geometry) {
    long address = chance.bits() & (1L << geometry.granule()) - 1 & -4;
    for (int level : geometry.levels()) {
      long entries = 1L << geometry.top(level) - geometry.shift(level) + 1;
      long index = entries < 4 ? chance.below((int) entries) : 1 + chance.below((int) entries - 2);
      address |= index << geometry.shift(level);
    }
    return geometry.upper() ? address | -1L << geometry.bits() : address;
  }

  /** A level for the page, mostly that of small pages. */
  static int leaf(Chance chance, Geometry geometry) {
    int[] levels = geometry.leafLevels();
    return chance.percent(50) ? levels[0] : levels[chance.below(levels.length)];
  }

  static int readOrWrite(Chance chance) {
    return chance.percent(60) ? Access.READ : Access.WRITE;
  }

  /** One stage alone; stage 1 or 2. */
  static Subject single(Chance chance, Arena arena, Format format, int stage) {
    if (format == Format.VTD) {
      return VtdScenes.single(chance, arena, stage);
    }
    return stage == 1 ? SmmuScenes.first(chance, arena) : SmmuScenes.second(chance, arena);
  }

  /** One stage alone, either of the two. */
  static Subject single(Chance chance, Arena arena, Format format) {
    return single(chance, arena, format, 1 + chance.below(2));
  }

  /** Both stages. */
  static Subject nested(Chance chance, Arena arena, Format format) {
    return format == Format.VTD
        ? VtdScenes.nested(chance, arena)
        : SmmuScenes.nested(chance, arena);
  }

  /** Leaves out some pages at random, so that tables are not adjacent. */
  record Scattered(Chance chance, TableMemory memory) implements TableSpace {
    @Override
    public long allocate() {
      for (int skip = chance.below(3); skip > 0; skip--) {
        memory.allocate();
      }
      return memory.allocate();
    }

    @Override
    public long get(long address) {
      return memory.get(address);
    }

    @Override
    public void put(long address, long word) {
      memory.put(address, word);
    }
  }

  private Scenes() {}
}
