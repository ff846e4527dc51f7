package dev.nestwalk.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Guest memory that keeps its changes apart: written entries go to a table beside the memory below,
 * which is never changed. A mapped file of gigabytes thus needs no copy, may be write-protected,
 * and stays available for comparison. The class also records which entries are read.
 *
 * <p>It serves translations, flag updates and editors of tables. Bytes that are copied or sliced
 * come from the memory below, and none are accepted.
 *
 * <p>Threads: belongs to one thread.
 */
public final class OverlayMemory extends GuestMemory {
  private final GuestMemory below;

  /** The entries that differ from the memory below, by address. */
  private final TreeMap<Long, Long> changed = new TreeMap<>(Long::compareUnsigned);

  private final List<Long> reads = new ArrayList<>();
  private boolean logging;

  /** Makes an overlay without changes. */
  public OverlayMemory(GuestMemory below) {
    super(below, false, true);
    this.below = below;
  }

  @Override
  public long load(int run, long address) {
    if (logging) {
      reads.add(address);
    }
    Long kept = changed.isEmpty() ? null : changed.get(address);
    return kept == null ? below.load(run, address) : kept;
  }

  @Override
  public long entryOrZero(long table, long index) {
    int run = find(table + index);
    return run < 0 ? 0 : load(run, table + index);
  }

  @Override
  public int directRuns() {
    return 0;
  }

  /** A view whose updates are discarded. */
  @Override
  public GuestMemory asReadOnly() {
    return new OverlayMemory(this);
  }

  /** Updates an entry. Every entry can be updated, even one that has no bytes below. */
  @Override
  public int update(int run, long address, long expected, long replacement) {
    Long kept = changed.get(address);
    long original = below.load(run, address);
    if ((kept == null ? original : kept) != expected) {
      return LOST;
    }
    if (replacement == original) {
      changed.remove(address);
    } else {
      changed.put(address, replacement);
    }
    return UPDATED;
  }

  /** The entries that differ from the memory below, in ascending order of addresses. */
  public Map<Long, Long> changes() {
    return new TreeMap<>(changed);
  }

  /** Replaces all changes by {@code changes}, an earlier result of {@link #changes}. */
  public void reset(Map<Long, Long> changes) {
    changed.clear();
    changed.putAll(changes);
  }

  /** Addresses of the entries that {@code work} loads, in order. */
  public List<Long> readsOf(Runnable work) {
    reads.clear();
    logging = true;
    try {
      work.run();
    } finally {
      logging = false;
    }
    return List.copyOf(reads);
  }
}
