package dev.nestwalk.memory;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Puts the pieces of a file and the machine's RAM together into one {@link GuestMemory}. */
final class Runs {
  private final Path file;
  private final List<Load> loads = new ArrayList<>();

  /** One piece of the file's description; {@code header} is where the file says so. */
  private record Load(long header, MemoryRange range, List<MemorySegment> slices) {
    long first() {
      return range.first();
    }
  }

  Runs(Path file) {
    this.file = file;
  }

  void add(long header, MemoryRange range, List<MemorySegment> slices) {
    loads.add(new Load(header, range, slices));
  }

  GuestMemory build(List<MemoryRange> ram, Opening opening) throws ImageException {
    loads.sort((a, b) -> Long.compareUnsigned(a.first(), b.first()));
    for (int i = 1; i < loads.size(); i++) {
      Load before = loads.get(i - 1);
      Load load = loads.get(i);
      if (Long.compareUnsigned(load.first(), before.range.last()) <= 0) {
        throw new ImageException(
            file,
            load.header,
            "memory 0x%x..0x%x overlaps 0x%x..0x%x, expected separate addresses"
                .formatted(load.first(), load.range.last(), before.first(), before.range.last()));
      }
    }
    GuestMemory.Builder builder = GuestMemory.builder();
    if (opening == Opening.READ_ONLY) {
      builder.readOnly();
    }
    List<MemoryRange> all = ram.isEmpty() ? loads.stream().map(Load::range).toList() : ram;
    if (all.isEmpty()) {
      throw new ImageException(file, "holds no memory, expected a PT_LOAD");
    }
    try {
      for (MemoryRange range : all) {
        fill(builder, range);
      }
      return builder.build();
    } catch (IllegalArgumentException e) {
      throw new ImageException(file, "declared RAM: " + e.getMessage());
    }
  }

  /** What the file has of {@code range}, and zeros between. */
  private void fill(GuestMemory.Builder builder, MemoryRange range) {
    long next = range.first();
    boolean open = true;
    for (int i = firstAtOrBefore(range.first()); i < loads.size() && open; i++) {
      Load load = loads.get(i);
      if (Long.compareUnsigned(load.first(), range.last()) > 0) {
        break;
      }
      long at = load.first();
      for (MemorySegment slice : load.slices) {
        long last = at + slice.byteSize() - 1;
        long from = max(at, next);
        long to = min(last, range.last());
        if (Long.compareUnsigned(from, to) <= 0) {
          if (from != next) {
            builder.zeros(next, from - 1);
          }
          builder.ram(from, slice.asSlice(from - at, to - from + 1));
          next = to + 1;
          open = to != range.last();
        }
        at = last + 1;
      }
    }
    if (open) {
      builder.zeros(next, range.last());
    }
  }

  private int firstAtOrBefore(long address) {
    int low = 0;
    int high = loads.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(loads.get(middle).first(), address) <= 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return Math.max(0, low - 1);
  }

  private static long max(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0 ? a : b;
  }

  private static long min(long a, long b) {
    return Long.compareUnsigned(a, b) <= 0 ? a : b;
  }
}
