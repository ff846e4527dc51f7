package dev.nestwalk.live;

import java.util.concurrent.atomic.LongAdder;

/** Counts what an NVMe controller does. Threads: any. */
final class NvmeCounters {
  /** Commands carried out. */
  final LongAdder commands = new LongAdder();

  /** Bytes that the guest read from the disk. */
  final LongAdder bytesRead = new LongAdder();

  /** Bytes that the guest wrote to it. */
  final LongAdder bytesWritten = new LongAdder();

  /** Commands that ended with an error status. */
  final LongAdder failed = new LongAdder();
}
