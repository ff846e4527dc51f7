package dev.nestwalk;

import dev.nestwalk.region.RegionSet;
import dev.nestwalk.walk.Barrier;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The addresses that each requester's DMA must not touch. Translators read an immutable map; a
 * change replaces the map.
 *
 * <p>Threads: any.
 */
final class Restrictions {
  private volatile Long2ObjectHashMap<Restriction> byRequester = new Long2ObjectHashMap<>();
  private long lastId;

  /**
   * The restriction of one requester.
   *
   * @param input reserved bus addresses
   * @param below reserved intermediate addresses of a nested walk
   * @param id unique per content; translations under different ids are not shared
   */
  record Restriction(RegionSet input, RegionSet below, long id) implements Barrier {
    @Override
    public boolean isFree(long address, long intermediate, int span) {
      return input.isBlockFree(address, span)
          && (intermediate == -1 || below.isBlockFree(intermediate, span));
    }
  }

  static long key(int sourceId, int pasid) {
    return (long) sourceId << 32 | Integer.toUnsignedLong(pasid);
  }

  /** The restriction of a requester, or null. */
  @Nullable Restriction of(long key) {
    return byRequester.get(key);
  }

  boolean isEmpty() {
    return byRequester.isEmpty();
  }

  synchronized void set(long key, RegionSet input, RegionSet below) {
    Long2ObjectHashMap<Restriction> next = new Long2ObjectHashMap<>(byRequester);
    next.remove(key);
    if (!input.equals(RegionSet.EMPTY) || !below.equals(RegionSet.EMPTY)) {
      next.put(key, new Restriction(input, below, idOf(input, below)));
    }
    byRequester = next;
  }

  /**
   * The id of a content. Requesters with equal restrictions have equal ids and share translations.
   */
  private long idOf(RegionSet input, RegionSet below) {
    for (Restriction other : byRequester.values()) {
      if (other.input.equals(input) && other.below.equals(below)) {
        return other.id;
      }
    }
    return ++lastId;
  }
}
