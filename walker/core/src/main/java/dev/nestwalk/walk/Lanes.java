package dev.nestwalk.walk;

/**
 * What sixteen walks side by side have at hand, by lane. One for all kernels of a translator.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
final class Lanes {
  /** Walks that are made side by side. */
  static final int COUNT = 16;

  /** Addresses asked for, and where in the batch each came from. */
  final long[] inputs = new long[COUNT];

  final int[] places = new int[COUNT];

  /** Addresses on the way, of the stage at hand and of what is below. */
  final long[] at = new long[COUNT];

  final long[] hosts = new long[COUNT];

  /** The entries read last, and those of the way put together. */
  final long[] entries = new long[COUNT];

  final long[] all = new long[COUNT];
  final long[] rights = new long[COUNT];

  /** What page-walk caches know. */
  final long[] known = new long[COUNT];
}
