package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.PageMix;
import java.util.List;

/**
 * One stage's tables of one address space. What is mapped at once is a page, or with contiguous
 * hints a group of pages: its entries all have the hint, since they come and go together.
 */
abstract class Stage {
  private final Shapes shapes;
  private final List<Integer> sizes;
  private final PageMix mix;
  private final boolean hints;

  Stage(Shapes shapes, PageMix mix, boolean hints) {
    this.shapes = shapes;
    this.mix = mix;
    this.hints = hints;
    sizes = mix.sizes();
    sizes.forEach(shapes::level);
  }

  /** Writes a leaf, with the contiguous hint or without. */
  abstract void write(long address, long output, int level, boolean hinted);

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

  /**
   * Log2 of the bytes that are mapped at once with an address: those of its page, or of its group
   * of pages where there are hints and all pages of the group are of one size.
   */
  final int spanAt(long address) {
    int size = sizeAt(address);
    if (!hints) {
      return size;
    }
    int group = shapes.group(shapes.level(size));
    long first = address & -1L << group;
    // A mix of one size need not be looked at page by page.
    for (long at = 0; sizes.size() > 1 && at < 1L << group; at += 1L << size) {
      if (sizeAt(first + at) != size) {
        return size;
      }
    }
    return group;
  }

  /**
   * Maps the page, or group of pages, around an address.
   *
   * @param spanLog2 as {@link #spanAt} tells
   */
  final void map(long address, long output, int spanLog2) {
    long mask = -1L << spanLog2;
    int size = sizeAt(address);
    for (long at = 0; at < 1L << spanLog2; at += 1L << size) {
      write((address & mask) + at, (output & mask) + at, shapes.level(size), spanLog2 != size);
    }
  }

  /** Unmaps what {@link #map} mapped. */
  final void unmap(long address, int spanLog2) {
    long mask = -1L << spanLog2;
    int size = sizeAt(address);
    for (long at = 0; at < 1L << spanLog2; at += 1L << size) {
      clear((address & mask) + at, shapes.level(size));
    }
  }
}
