package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.Geometry;
import java.util.Arrays;
import java.util.Random;

/**
 * A set-associative cache that knows which keys it holds, and nothing of what they stand for. A key
 * is a tag (whose it is), a page number and a size; which set a key belongs to is told by the
 * lowest bits of the page number, or by a hash of the whole key.
 */
final class ModelCache {
  private static final long FREE = -1;
  private static final int SIZE_SHIFT = 58;
  private static final long MIX = 0x9e37_79b9_7f4a_7c15L;

  private final Geometry geometry;
  private final int ways;
  private final int setMask;
  private final int copies;

  /** Page number with the size in its highest bits; FREE where there is none. */
  private final long[] pages;

  private final int[] tags;

  /** LRU and FIFO: when the entry was used, or filled. */
  private final long[] stamps;

  /** PLRU: of each set the nodes of a tree, 1 where the right half was used longer ago. */
  private final boolean[] trees;

  private final Random dice;
  private long clock;
  private long evictions;

  /**
   * An empty cache.
   *
   * @param sizes how many page sizes a split cache has stores for
   */
  ModelCache(Geometry geometry, int sizes, long seed) {
    this.geometry = geometry;
    ways = geometry.ways();
    setMask = Math.max(0, geometry.sets() - 1);
    copies = geometry.split() ? sizes : 1;
    int room = geometry.entries() * copies;
    pages = new long[room];
    Arrays.fill(pages, FREE);
    tags = new int[room];
    stamps = new long[room];
    trees = new boolean[geometry.policy() == Geometry.Policy.PLRU ? room : 0];
    dice = new Random(seed);
  }

  boolean exists() {
    return pages.length != 0;
  }

  long evictions() {
    return evictions;
  }

  /** Whether the key is there; then it counts as used. */
  boolean use(int tag, long page, int size) {
    int at = find(tag, page, size);
    if (at < 0) {
      return false;
    }
    touch(at, false);
    return true;
  }

  /** Whether the key is there. */
  boolean holds(int tag, long page, int size) {
    return find(tag, page, size) >= 0;
  }

  /** Takes a key in; another of its set gives way if that is full. */
  void fill(int tag, long page, int size) {
    if (!exists()) {
      return;
    }
    int known = find(tag, page, size);
    if (known >= 0) {
      touch(known, false);
      return;
    }
    int set = set(tag, page, size);
    int at = free(set);
    if (at < 0) {
      at = victim(set);
      evictions++;
    }
    pages[at] = key(page, size);
    tags[at] = tag;
    touch(at, true);
  }

  /** Drops a key; whether it was there. */
  boolean drop(int tag, long page, int size) {
    int at = find(tag, page, size);
    if (at >= 0) {
      pages[at] = FREE;
    }
    return at >= 0;
  }

  /** Drops all keys of a tag; how many there were. */
  int dropAll(int tag) {
    int dropped = 0;
    for (int at = 0; at < pages.length; at++) {
      if (pages[at] != FREE && tags[at] == tag) {
        pages[at] = FREE;
        dropped++;
      }
    }
    return dropped;
  }

  private static long key(long page, int size) {
    return page & (1L << SIZE_SHIFT) - 1 | (long) size << SIZE_SHIFT;
  }

  /** First place of the key's set. */
  private int set(int tag, long page, int size) {
    long index = page;
    if (geometry.hashed()) {
      long mixed = (key(page, size) ^ (long) tag * MIX) * MIX;
      mixed ^= mixed >>> 32;
      index = mixed * MIX >>> 32;
    }
    int copy = copies == 1 ? 0 : size % copies;
    return copy * geometry.entries() + (int) (index & setMask) * ways;
  }

  private int find(int tag, long page, int size) {
    if (pages.length == 0) {
      return -1;
    }
    long key = key(page, size);
    int set = set(tag, page, size);
    for (int at = set; at < set + ways; at++) {
      if (pages[at] == key && tags[at] == tag) {
        return at;
      }
    }
    return -1;
  }

  private int free(int set) {
    for (int at = set; at < set + ways; at++) {
      if (pages[at] == FREE) {
        return at;
      }
    }
    return -1;
  }

  private int victim(int set) {
    return switch (geometry.policy()) {
      case RANDOM -> set + dice.nextInt(ways);
      case PLRU -> set + leaf(set);
      case LRU, FIFO -> oldest(set);
    };
  }

  private int oldest(int set) {
    int oldest = set;
    for (int at = set + 1; at < set + ways; at++) {
      if (stamps[at] < stamps[oldest]) {
        oldest = at;
      }
    }
    return oldest;
  }

  private int leaf(int set) {
    int node = 1;
    while (node < ways) {
      node = 2 * node + (trees[set + node] ? 1 : 0);
    }
    return node - ways;
  }

  private void touch(int at, boolean filled) {
    switch (geometry.policy()) {
      case LRU -> stamps[at] = ++clock;
      case FIFO -> stamps[at] = filled ? ++clock : stamps[at];
      case PLRU -> {
        int set = at / ways * ways;
        for (int node = at - set + ways; node > 1; node /= 2) {
          // The tree points to the half that was not used.
          trees[set + node / 2] = (node & 1) == 0;
        }
      }
      case RANDOM -> {}
    }
  }
}
