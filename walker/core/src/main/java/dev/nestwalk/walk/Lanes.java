package dev.nestwalk.walk;

/**
 * Working arrays of sixteen walks that run side by side, indexed by lane; all kernels of a
 * translator share one.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
final class Lanes {
  /** Number of walks that run side by side. */
  static final int COUNT = 16;

  /** The addresses to translate, and the index of each in the batch. */
  final long[] inputs = new long[COUNT];

  final int[] places = new int[COUNT];

  /** The addresses in progress, for the current stage and the stage below. */
  final long[] at = new long[COUNT];

  final long[] hosts = new long[COUNT];

  /** The entries read last, and the combination of the entries on the way. */
  final long[] entries = new long[COUNT];

  final long[] all = new long[COUNT];
  final long[] rights = new long[COUNT];

  /** Results of page-walk caches. */
  final long[] known = new long[COUNT];
}
