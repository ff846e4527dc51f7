package dev.nestwalk.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Guest memory whose changes are kept apart: entries that are written go to a table beside the
 * memory below, which stays as it is. So a mapped file of gigabytes needs no copy, may be
 * write-protected, and is still there to compare with. Also tells what was read.
 *
 * <p>For translations, flags and whoever edits tables: bytes copied or sliced come from the memory
 * below.
 *
 * <p>Threads: belongs to one thread.
 */
public final class OverlayMemory extends GuestMemory {
  private final GuestMemory below;

  /** What differs from the memory below, by address. */
  private final TreeMap<Long, Long> changed = new TreeMap<>(Long::compareUnsigned);

  private final List<Long> reads = new ArrayList<>();
  private boolean logging;

  /** Nothing changed yet. */
  public OverlayMemory(GuestMemory below) {
    super(below);
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

  /** Updates are kept apart and forgotten. */
  @Override
  public GuestMemory asReadOnly() {
    return new OverlayMemory(this);
  }

  /** Every entry of memory takes updates here, also one that has no bytes below. */
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

  /** Entries that differ from the memory below, by ascending address. */
  public Map<Long, Long> changes() {
    return new TreeMap<>(changed);
  }

  /** As below again, but for {@code changes}, as {@link #changes} gave them. */
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
