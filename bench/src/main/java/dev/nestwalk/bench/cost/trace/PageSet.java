package dev.nestwalk.bench.cost.trace;

import java.util.NavigableMap;
import java.util.TreeMap;

/** Pages of 4 KiB that are mapped, a bit each; bounded. */
final class PageSet {
  private static final int LOG2 = 12;
  private static final int PAGES = 512;
  private static final int WORDS = PAGES / 64;

  /** Takes a run of pages. */
  interface Run {
    /** Pages side by side, as addresses and bytes. */
    void pages(long address, long length);
  }

  private final NavigableMap<Long, long[]> groups = new TreeMap<>();
  private final int most;

  /**
   * An empty set.
   *
   * @param most groups of 2 MiB that it takes
   */
  PageSet(int most) {
    this.most = most;
  }

  /**
   * Adds the pages of a range; runs of those that are new are told.
   *
   * @return false if the set is full
   */
  boolean add(long address, long length, Run added) {
    long begin = -1;
    long last = address + (length - 1) >>> LOG2;
    for (long page = address >>> LOG2; page <= last; page++) {
      long[] group = groups.get(page / PAGES);
      if (group == null) {
        if (groups.size() == most) {
          return false;
        }
        group = new long[WORDS];
        groups.put(page / PAGES, group);
      }
      int word = (int) (page % PAGES / 64);
      boolean known = (group[word] >>> page & 1) != 0;
      group[word] |= 1L << page;
      if (known && begin >= 0) {
        added.pages(begin << LOG2, page - begin << LOG2);
        begin = -1;
      } else if (!known && begin < 0) {
        begin = page;
      }
    }
    if (begin >= 0) {
      added.pages(begin << LOG2, last + 1 - begin << LOG2);
    }
    return true;
  }

  /** Tells the runs of pages of a range that are in the set, and takes them out where asked to. */
  void find(long address, long length, boolean remove, Run found) {
    long first = address >>> LOG2;
    long last = address + (length - 1) >>> LOG2;
    long begin = -1;
    long end = -1;
    for (var entry : groups.subMap(first / PAGES, true, last / PAGES, true).entrySet()) {
      long base = entry.getKey() * PAGES;
      long[] group = entry.getValue();
      for (long page = Math.max(base, first); page <= Math.min(base + PAGES - 1, last); page++) {
        int word = (int) (page % PAGES / 64);
        if ((group[word] >>> page & 1) == 0) {
          continue;
        }
        if (remove) {
          group[word] &= ~(1L << page);
        }
        if (page != end) {
          if (begin >= 0) {
            found.pages(begin << LOG2, end - begin << LOG2);
          }
          begin = page;
        }
        end = page + 1;
      }
    }
    if (begin >= 0) {
      found.pages(begin << LOG2, end - begin << LOG2);
    }
  }
}
