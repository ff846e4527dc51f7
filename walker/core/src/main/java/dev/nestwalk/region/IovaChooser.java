package dev.nestwalk.region;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Chooses addresses for mappings as Linux does. An address is aligned to the length rounded up to a
 * power of two, but no more than the memory is aligned and no more than 2 MiB. The lowest address
 * that fits is chosen, never in the first or the last page.
 *
 * <p>A search remembers where it found room, and the next one of the same size and alignment begins
 * there: until something is released, nothing below can have become free. Thousands of equal
 * requests thus do not each go through all earlier mappings.
 */
final class IovaChooser {
  private static final long HUGE = 2L << 20;
  private static final long LOWEST = Ioas.PAGE;
  private static final long HIGHEST = -1 - Ioas.PAGE;

  private final Coverage reserved;
  private final Areas areas;
  private final Map<Shape, Long> hints = new HashMap<>();

  private record Shape(long length, long alignment, long offset) {}

  IovaChooser(Coverage reserved, Areas areas) {
    this.reserved = reserved;
    this.areas = areas;
  }

  /** Called when something was released or other windows apply. */
  void forget() {
    hints.clear();
  }

  long choose(List<AddressSet.Range> allowed, long length, long source, long least)
      throws RegionException {
    if (length == 0 || Long.compareUnsigned(length, -1L >>> 1) >= 0) {
      throw RegionException.of(Errno.EOVERFLOW, "no place for 0x%x bytes", length);
    }
    long alignment = length == 1 ? 1 : Long.highestOneBit(length - 1) << 1;
    if (source != 0) {
      alignment = least(alignment, Long.lowestOneBit(source));
    }
    alignment = least(alignment, HUGE);
    if (alignment < least) {
      throw RegionException.of(
          Errno.EINVAL, "0x%x bytes at 0x%x: expected alignment to %d", length, source, least);
    }
    Shape shape = new Shape(length, alignment, source & Ioas.PAGE - 1);
    long hint = hints.getOrDefault(shape, 0L);
    for (AddressSet.Range window : windows(allowed)) {
      if (Long.compareUnsigned(window.last(), hint) < 0) {
        continue;
      }
      long found = within(window, shape, hint);
      if (found != 0) {
        hints.put(shape, found);
        return found;
      }
    }
    throw RegionException.of(Errno.ENOSPC, "no room for 0x%x bytes", length);
  }

  private static long least(long one, long other) {
    return Long.compareUnsigned(one, other) < 0 ? one : other;
  }

  private static List<AddressSet.Range> windows(List<AddressSet.Range> allowed) {
    if (allowed.isEmpty()) {
      return List.of(new AddressSet.Range(LOWEST, HIGHEST));
    }
    return AddressSet.ofSorted(allowed).cut(LOWEST, HIGHEST);
  }

  /** The address found in a window, or 0 if there is none; 0 itself is never chosen. */
  private long within(AddressSet.Range window, Shape shape, long hint) {
    long start = place(window.first(), shape);
    boolean fits =
        start != 0
            && Long.compareUnsigned(start, window.last()) < 0
            && Long.compareUnsigned(window.last() - start, shape.length - 1) >= 0;
    if (!fits) {
      return 0;
    }
    long next = Long.compareUnsigned(hint, start) > 0 ? hint : start;
    while (Long.compareUnsigned(next, window.last()) <= 0) {
      long blocked = lastOfBlocked(next);
      if (blocked != 0) {
        if (Long.compareUnsigned(blocked, window.last()) >= 0) {
          return 0;
        }
        next = blocked + 1;
        continue;
      }
      long last = lastOfHole(next, window.last());
      long place = place(next, shape);
      if (place != 0
          && Long.compareUnsigned(place, last) < 0
          && Long.compareUnsigned(last - place, shape.length - 1) >= 0) {
        return place;
      }
      if (last == window.last()) {
        return 0;
      }
      next = last + 1;
    }
    return 0;
  }

  /** The first suitable address from {@code from} on, or 0 if that wraps. */
  private static long place(long from, Shape shape) {
    long up = from + (shape.alignment - 1) & -shape.alignment;
    return Long.compareUnsigned(up, from) < 0 ? 0 : up | shape.offset;
  }

  /** Last address of the reservation or mapping that covers {@code address}, or 0 if it is free. */
  private long lastOfBlocked(long address) {
    Long covered = reserved.lastOfCovering(address);
    if (covered != null) {
      return covered;
    }
    return areas.lastOfHolding(address);
  }

  private long lastOfHole(long first, long last) {
    long end = last;
    Long covered = reserved.nextCovered(first);
    if (covered != null) {
      end = least(end, covered - 1);
    }
    Long area = areas.nextAbove(first);
    return area == null ? end : least(end, area - 1);
  }
}
