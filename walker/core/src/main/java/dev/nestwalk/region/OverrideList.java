package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;

/**
 * A list of ranges, each with a property, in which a new range replaces what it covers. A virtual
 * machine monitor lays the regions of its own machine over those of the host in this way.
 *
 * <p>Threads: belongs to one thread.
 *
 * @param <T> the property
 */
public final class OverrideList<T> {
  private final List<Entry<T>> entries = new ArrayList<>();

  /** A range and its property. */
  public record Entry<T>(T property, long first, long last) {}

  /** Makes an empty list. */
  public OverrideList() {}

  /**
   * Inserts a range. The parts of other ranges that it covers are removed; adjacent ranges are
   * never joined.
   */
  public OverrideList<T> insert(T property, long first, long last) {
    List<Entry<T>> kept = new ArrayList<>();
    for (Entry<T> entry : entries) {
      boolean apart =
          Long.compareUnsigned(entry.last, first) < 0
              || Long.compareUnsigned(entry.first, last) > 0;
      if (apart) {
        kept.add(entry);
        continue;
      }
      if (Long.compareUnsigned(entry.first, first) < 0) {
        kept.add(new Entry<>(entry.property, entry.first, first - 1));
      }
      if (Long.compareUnsigned(entry.last, last) > 0) {
        kept.add(new Entry<>(entry.property, last + 1, entry.last));
      }
    }
    kept.add(new Entry<>(property, first, last));
    kept.sort((one, other) -> Long.compareUnsigned(one.first, other.first));
    entries.clear();
    entries.addAll(kept);
    return this;
  }

  /** The entries, ascending and disjoint. */
  public List<Entry<T>> entries() {
    return List.copyOf(entries);
  }
}
