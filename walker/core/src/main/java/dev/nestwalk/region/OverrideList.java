package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.List;

/**
 * Ranges with a property each, in which a newcomer overrides what it covers: how a virtual machine
 * monitor lays its machine's own regions over those of the host.
 *
 * <p>Threads: belongs to one.
 *
 * @param <T> the property
 */
public final class OverrideList<T> {
  private final List<Entry<T>> entries = new ArrayList<>();

  /** A range and its property. */
  public record Entry<T>(T property, long first, long last) {}

  /** An empty list. */
  public OverrideList() {}

  /** Inserts a range; what it covers of others is cut away, and neighbours are never joined. */
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
