package dev.nestwalk.bench.cost.timed;

import com.sun.management.ThreadMXBean;
import dev.nestwalk.Endpoint;
import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.model.TenantTables;
import dev.nestwalk.cache.CacheOptions;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Plays a recording once on the product's translator: tables change and are invalidated while the
 * clock stands, translations run by it. The loops allocate nothing.
 */
final class Playback {
  private static final long LONGEST = 1_000_000_000;
  private static final @Nullable ThreadMXBean THREADS =
      ManagementFactory.getThreadMXBean() instanceof ThreadMXBean bean ? bean : null;

  private final Recording recording;
  private final TenantTables tables;
  private final Iommu iommu;
  private final Translator translator;
  private final Endpoint[] endpoints;
  private long nanos;
  private long faults;
  private long allocated;
  private long pages;
  private long flushes;

  Playback(Recording recording, TenantTables tables, Iommu iommu, CacheOptions options) {
    this.recording = recording;
    this.tables = tables;
    this.iommu = iommu;
    translator = iommu.newTranslator(options.withEndpoints(Math.max(64, tables.spaces())));
    endpoints = new Endpoint[tables.spaces()];
    for (int space = 0; space < endpoints.length; space++) {
      endpoints[space] = translator.endpoint(tables.requester(space), tables.pasid(space));
    }
  }

  /** Makes ready for the next round: nothing is mapped, nothing cached, nothing counted. */
  void reset() {
    tables.clear();
    for (int space = 0; space < endpoints.length; space++) {
      tables.flush(iommu, space);
    }
    beginToCount();
  }

  private void beginToCount() {
    nanos = 0;
    faults = 0;
    allocated = 0;
    pages = 0;
    flushes = 0;
    translator.counters().reset();
  }

  /** The translator, for its counters. */
  Translator translator() {
    return translator;
  }

  /** Nanoseconds that translations took, from {@link Recording#begin} on. */
  long nanos() {
    return nanos;
  }

  /** Bytes that translations allocated while the clock ran. */
  long allocated() {
    return allocated;
  }

  /** Refusals, from {@link Recording#begin} on. */
  long faults() {
    return faults;
  }

  /** Invalidations of a buffer's pages, from {@link Recording#firstChange} on. */
  long pageInvalidations() {
    return pages;
  }

  /** Invalidations of all of an address space, from {@link Recording#firstChange} on. */
  long flushes() {
    return flushes;
  }

  /**
   * Plays.
   *
   * @param latencies takes the time of each translation that counts; null to time only stretches
   */
  void run(@Nullable Histogram latencies) {
    int begin = recording.begin();
    List<Recording.Change> changes = recording.changes();
    int at = 0;
    for (Recording.Change change : changes.subList(0, recording.firstChange())) {
      at = translate(at, change.at());
      change(change);
    }
    translate(at, begin);
    beginToCount();
    at = begin;
    for (Recording.Change change : changes.subList(recording.firstChange(), changes.size())) {
      at = measured(at, change.at(), latencies);
      change(change);
    }
    measured(at, recording.size(), latencies);
  }

  /** Translates up to {@code to}; {@code to}. */
  private int measured(int from, int to, @Nullable Histogram latencies) {
    if (from < to) {
      long before = allocatedBytes();
      if (latencies == null) {
        long start = System.nanoTime();
        faults += refusals(from, to);
        nanos += System.nanoTime() - start;
      } else {
        faults += translateEach(from, to, latencies);
      }
      allocated += allocatedBytes() - before;
    }
    return to;
  }

  private static long allocatedBytes() {
    return THREADS == null ? 0 : THREADS.getCurrentThreadAllocatedBytes();
  }

  /** Translates up to {@code to} while nothing counts; {@code to}. */
  private int translate(int from, int to) {
    refusals(from, to);
    return to;
  }

  private long refusals(int from, int to) {
    long refused = 0;
    int[] spaces = recording.spaces();
    long[] iovas = recording.iovas();
    byte[] accesses = recording.accesses();
    for (int at = from; at < to; at++) {
      refused += endpoints[spaces[at]].translate(iovas[at], accesses[at]) >>> 63;
    }
    return refused;
  }

  private long translateEach(int from, int to, Histogram latencies) {
    long refused = 0;
    int[] spaces = recording.spaces();
    long[] iovas = recording.iovas();
    byte[] accesses = recording.accesses();
    for (int at = from; at < to; at++) {
      Endpoint endpoint = endpoints[spaces[at]];
      long iova = iovas[at];
      int access = accesses[at];
      long start = System.nanoTime();
      long answer = endpoint.translate(iova, access);
      long took = System.nanoTime() - start;
      latencies.recordValue(Math.min(took, LONGEST));
      refused += answer >>> 63;
    }
    return refused;
  }

  private void change(Recording.Change change) {
    DmaOp op = change.op();
    int space = change.space();
    switch (op.kind()) {
      case MAP -> tables.map(space, op.iova(), op.length());
      case UNMAP -> tables.unmap(space, op.iova(), op.length());
      case INVALIDATE -> {
        pages += op.more() ? 0 : 1;
        if (op.length() > 0) {
          tables.invalidate(iommu, space, op.iova(), op.length());
        }
      }
      case FLUSH -> {
        flushes += op.more() ? 0 : 1;
        if (op.length() > 0) {
          tables.flush(iommu, space);
        }
      }
      case ACCESS, PREFETCH, REQUEST -> {}
    }
  }
}
