package dev.nestwalk.bench.cost.model;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Physical memory of a tenant (nested: what its guest takes for physical), handed out by page size:
 * side by side, or scattered over a GiB at a time. Pages given back are taken again first.
 */
final class Frames {
  /** Bits of an address within the memory for one kind of page. */
  private static final int BANK = 34;

  private static final int SPREAD = 30;
  private static final int SMALLEST = 12;

  /** Banks of single pages, after which those of groups begin. */
  private static final int GROUPS = 4;

  /** Odd, and so times it is a permutation of the numbers of any count of bits. */
  private static final long SCATTER = 0x2_9e35;

  private final boolean scattered;
  private final Map<Integer, Long> next = new HashMap<>();
  private final Map<Integer, Deque<Long>> freed = new HashMap<>();

  Frames(boolean scattered) {
    this.scattered = scattered;
  }

  /**
   * Address of a free page, or of free pages side by side.
   *
   * @param spanLog2 log2 of the bytes to take; the address is a multiple of them
   * @param sizeLog2 log2 of the size of a page
   */
  long take(int spanLog2, int sizeLog2) {
    Deque<Long> again = freed.get(spanLog2);
    if (again != null && !again.isEmpty()) {
      return again.pop();
    }
    long number = next.merge(spanLog2, 1L, Long::sum) - 1;
    if (number >= 1L << BANK - spanLog2) {
      throw new IllegalArgumentException("more than 16 GiB of one tenant are mapped at once");
    }
    int bits = Math.max(0, SPREAD - spanLog2);
    long inside = number & (1L << bits) - 1;
    long page = scattered ? inside * SCATTER & (1L << bits) - 1 : inside;
    int bank = bank(sizeLog2) + (spanLog2 == sizeLog2 ? 0 : GROUPS);
    return (long) bank << 36 | (number >>> bits << bits | page) << spanLog2;
  }

  /** All pages are free, as in the beginning. */
  void clear() {
    next.clear();
    freed.clear();
  }

  /** Gives back what was taken. */
  void give(long address, int spanLog2) {
    freed.computeIfAbsent(spanLog2, any -> new ArrayDeque<>()).push(address);
  }

  /**
   * Each page size has memory of its own, and so have groups of pages of that size, so that they do
   * not get into each other's way.
   */
  private static int bank(int sizeLog2) {
    return sizeLog2 == SMALLEST || sizeLog2 == 14 || sizeLog2 == 16 ? 1 : sizeLog2 < 29 ? 2 : 3;
  }

  /** Where such memory of a tenant lies in the machine; 48 bits in all. */
  static long machineAddress(int tenant, long address) {
    long bank = address >>> 36;
    long group = bank / GROUPS;
    return 1L << 47
        | group << 46
        | (long) tenant << 36
        | bank % GROUPS << 34
        | address & (1L << BANK) - 1;
  }
}
