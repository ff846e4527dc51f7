package dev.nestwalk.live;

import dev.nestwalk.cache.CacheCounters;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts what happens in a live machine. Threads: any. */
public final class LiveCounters {
  final LongAdder registerReads = new LongAdder();
  final LongAdder registerWrites = new LongAdder();
  final LongAdder doorbells = new LongAdder();
  final LongAdder invalidations = new LongAdder();
  final LongAdder deviceInvalidations = new LongAdder();
  final LongAdder reads = new LongAdder();
  final LongAdder writes = new LongAdder();
  final LongAdder atomics = new LongAdder();
  final LongAdder bytesRead = new LongAdder();
  final LongAdder bytesWritten = new LongAdder();
  final LongAdder refused = new LongAdder();
  final LongAdder unitMessages = new LongAdder();
  final LongAdder deviceMessages = new LongAdder();
  final LongAdder lostMessages = new LongAdder();

  private final Set<CacheCounters> caches = ConcurrentHashMap.newKeySet();

  LiveCounters() {}

  /** Adds the counters of a device thread's caches. */
  void add(CacheCounters ofThread) {
    caches.add(ofThread);
  }

  /** Number of translations; the IOTLBs answered {@link #hits} of them. */
  public long translations() {
    return caches.stream().mapToLong(c -> c.hits() + c.misses()).sum();
  }

  /** Number of translations that an IOTLB answered. */
  public long hits() {
    return caches.stream().mapToLong(c -> c.hits()).sum();
  }

  /** A short line for a terminal on which it is repeated. */
  public String shortLine() {
    long translations = translations();
    return "%d translations, %.1f %% hits, %d refused, %d invalidations, %.1f MiB"
        .formatted(
            translations,
            100.0 * hits() / Math.max(1, translations),
            refused.sum(),
            invalidations.sum(),
            (bytesRead.sum() + bytesWritten.sum()) / 1048576.0);
  }

  /** One line with all counters. */
  public String line() {
    long translations = translations();
    return ("registers %d read, %d written (%d doorbells); %d invalidations, %d of devices' TLBs;"
            + " DMA %d reads, %d writes, %d atomics, %.1f MiB, %d refused; %d translations,"
            + " %.1f %% by the IOTLB; interrupts %d of the unit, %d of devices%s")
        .formatted(
            registerReads.sum(),
            registerWrites.sum(),
            doorbells.sum(),
            invalidations.sum(),
            deviceInvalidations.sum(),
            reads.sum(),
            writes.sum(),
            atomics.sum(),
            (bytesRead.sum() + bytesWritten.sum()) / 1048576.0,
            refused.sum(),
            translations,
            100.0 * hits() / Math.max(1, translations),
            unitMessages.sum(),
            deviceMessages.sum(),
            lostMessages.sum() == 0 ? "" : ", " + lostMessages.sum() + " lost");
  }
}
