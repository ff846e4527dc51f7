package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.PageMix;
import java.util.List;

/** One stage's tables of one address space: maps and unmaps whole pages. */
abstract class Stage {
  private final Shapes shapes;
  private final List<Integer> sizes;
  private final PageMix mix;

  Stage(Shapes shapes, PageMix mix) {
    this.shapes = shapes;
    this.mix = mix;
    sizes = mix.sizes();
    sizes.forEach(shapes::level);
  }

  /** Writes a leaf. */
  abstract void map(long address, long output, int level);

  /** Clears a leaf. */
  abstract void clear(long address, int level);

  /** Address of the root table. */
  abstract long root();

  /** Log2 of the size of the page that the mix chooses for an address. */
  final int sizeAt(long address) {
    int left = 100;
    for (int size : sizes) {
      int log2 = shapes.size(size);
      int share = mix.shares().getOrDefault(size, 0);
      if (left <= share || scattered(address >>> log2) % left < share) {
        return log2;
      }
      left -= share;
    }
    return shapes.granule;
  }

  /** A number from 0 on that looks random, the same on every machine. */
  private static int scattered(long number) {
    long mixed = (number + 1) * 0x9e37_79b9_7f4a_7c15L;
    return (int) (mixed >>> 33);
  }

  final void mapPage(long address, long output, int sizeLog2) {
    long mask = -1L << sizeLog2;
    map(address & mask, output & mask, shapes.level(sizeLog2));
  }

  final void clearPage(long address, int sizeLog2) {
    clear(address & -1L << sizeLog2, shapes.level(sizeLog2));
  }
}
