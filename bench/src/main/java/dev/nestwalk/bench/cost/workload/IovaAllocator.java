package dev.nestwalk.bench.cost.workload;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;

/**
 * Hands out input addresses as Linux does (drivers/iommu/iova.c, dma-iommu.c): naturally aligned,
 * from the top down below 4 GiB, and only when that is full from the top of the aperture down.
 * Freed ranges are taken again first, the latest before others, as from Linux's per-processor
 * magazines; of other sizes than those asked for nothing is merged.
 */
final class IovaAllocator {
  private static final long PAGE = 4096;
  private static final long FOUR_GIB = 1L << 32;

  /** Top of the aperture: within the reach of every depth. */
  private static final long TOP = 1L << 38;

  /** Linux reserves the interrupt range of x86 (0xfee0_0000) and Arm's MSI window below it. */
  private static final long INTERRUPTS = 0xfee0_0000L;

  private static final long INTERRUPTS_END = 0xfef0_0000L;
  private static final long LOWEST = 1L << 20;

  private final Map<Long, Deque<Long>> freed = new TreeMap<>();
  private long low = FOUR_GIB;
  private long high = TOP;

  /**
   * A free range.
   *
   * @param bytes at least 1; rounded up to a power of two of pages
   * @throws IllegalArgumentException if none is left
   */
  long allocate(long bytes) {
    long size = size(bytes);
    Deque<Long> again = freed.get(size);
    if (again != null && !again.isEmpty()) {
      return again.pop();
    }
    long at = low - size & -size;
    if (at < INTERRUPTS_END && at + size > INTERRUPTS) {
      at = INTERRUPTS - size & -size;
    }
    if (at >= LOWEST) {
      low = at;
      return at;
    }
    at = high - size & -size;
    if (at < FOUR_GIB) {
      throw new IllegalArgumentException("no input addresses are left for " + bytes + " bytes");
    }
    high = at;
    return at;
  }

  /** Takes a range back. */
  void free(long iova, long bytes) {
    freed.computeIfAbsent(size(bytes), any -> new ArrayDeque<>()).push(iova);
  }

  private static long size(long bytes) {
    long rounded = Math.max(PAGE, Long.highestOneBit(bytes));
    return rounded < bytes ? 2 * rounded : rounded;
  }
}
