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
  /** Bits of an address within the memory for one page size. */
  private static final int BANK = 34;

  private static final int SPREAD = 30;
  private static final int SMALLEST = 12;

  /** Odd, and so times it is a permutation of the numbers of any count of bits. */
  private static final long SCATTER = 0x2_9e35;

  private final boolean scattered;
  private final Map<Integer, Long> next = new HashMap<>();
  private final Map<Integer, Deque<Long>> freed = new HashMap<>();

  Frames(boolean scattered) {
    this.scattered = scattered;
  }

  /** Address of a free page. */
  long take(int sizeLog2) {
    Deque<Long> again = freed.get(sizeLog2);
    if (again != null && !again.isEmpty()) {
      return again.pop();
    }
    long number = next.merge(sizeLog2, 1L, Long::sum) - 1;
    if (number >= 1L << BANK - sizeLog2) {
      throw new IllegalArgumentException("more than 16 GiB of one tenant are mapped at once");
    }
    int bits = Math.max(0, SPREAD - sizeLog2);
    long inside = number & (1L << bits) - 1;
    long page = scattered ? inside * SCATTER & (1L << bits) - 1 : inside;
    return (long) bank(sizeLog2) << 36 | (number >>> bits << bits | page) << sizeLog2;
  }

  /** All pages are free, as in the beginning. */
  void clear() {
    next.clear();
    freed.clear();
  }

  /** Gives a page back. */
  void give(long address, int sizeLog2) {
    freed.computeIfAbsent(sizeLog2, any -> new ArrayDeque<>()).push(address);
  }

  /** Each page size has memory of its own, so that sizes do not get into each other's way. */
  private static int bank(int sizeLog2) {
    return sizeLog2 == SMALLEST || sizeLog2 == 14 || sizeLog2 == 16 ? 1 : sizeLog2 < 29 ? 2 : 3;
  }

  /** Where such memory of a tenant lies in the machine; 48 bits in all. */
  static long machineAddress(int tenant, long address) {
    long bank = address >>> 36;
    return 1L << 47 | (long) tenant << 36 | bank << 34 | address & (1L << BANK) - 1;
  }
}
