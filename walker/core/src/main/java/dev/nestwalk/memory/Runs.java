package dev.nestwalk.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Combines the pieces of a file and the machine's RAM into one {@link GuestMemory}, whose runs are
 * windows of the mapped file.
 */
final class Runs {
  private final Path file;
  private final List<Load> loads = new ArrayList<>();

  /** A part of a segment, which becomes a window of it. */
  record Piece(MemorySegment whole, long start, long size) {
    static Piece all(MemorySegment whole) {
      return new Piece(whole, 0, whole.byteSize());
    }

    Piece from(long at) {
      return new Piece(whole, start + at, size - at);
    }

    MemorySegment bytes() {
      return whole.asSlice(start, size);
    }
  }

  /** One part of memory; {@code header} is the file offset of its description. */
  private record Load(long header, MemoryRange range, List<Piece> pieces) {
    long first() {
      return range.first();
    }

    /** What the file has from an address on, null where it has zeros. */
    @Nullable MemorySegment at(long address) {
      long offset = address - first(); // unsigned: a range may be larger than 2^63
      for (Piece piece : pieces) {
        if (Long.compareUnsigned(offset, piece.size) < 0) {
          return piece.from(offset).bytes();
        }
        offset -= piece.size;
      }
      return null;
    }

    /** The part from an address on. */
    Load from(long address) {
      List<Piece> rest = new ArrayList<>();
      long offset = address - first();
      for (Piece piece : pieces) {
        long skipped = min(offset, piece.size);
        if (skipped < piece.size) {
          rest.add(piece.from(skipped));
        }
        offset -= skipped;
      }
      return new Load(header, new MemoryRange(address, range.last()), rest);
    }
  }

  Runs(Path file) {
    this.file = file;
  }

  /**
   * Adds memory.
   *
   * @param header file offset of its description, for messages
   * @param pieces what the file has of it, from its first address on; the rest reads as zero
   */
  void add(long header, MemoryRange range, List<Piece> pieces) {
    loads.add(new Load(header, range, pieces));
  }

  GuestMemory build(List<MemoryRange> ram, Opening opening) throws ImageException {
    loads.sort((a, b) -> Long.compareUnsigned(a.first(), b.first()));
    for (int i = 1; i < loads.size(); i++) {
      if (overlap(loads.get(i - 1), loads.get(i))) {
        throw overlapping(loads.get(i - 1), loads.get(i), "");
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

  /**
   * Drops memory that the file holds a second time. A kernel's crash dump has the kernel's text,
   * and also the map of all memory, which includes it.
   *
   * @throws ImageException if the two differ
   */
  void dropRepeated() throws ImageException {
    loads.sort((a, b) -> Long.compareUnsigned(a.first(), b.first()));
    List<Load> kept = new ArrayList<>(loads.size());
    for (Load load : loads) {
      // What is kept is disjoint and in order, so the last one also ends last; one load may lie
      // over several.
      for (int i = kept.size() - 1; i >= 0 && overlap(kept.get(i), load); i--) {
        Load before = kept.get(i);
        long first = max(load.first(), before.first());
        long last = min(load.range.last(), before.range.last());
        if (Long.compareUnsigned(first, last) <= 0 && !equal(before, load, first, last)) {
          throw overlapping(before, load, " with other contents");
        }
      }
      long covered = kept.isEmpty() ? 0 : kept.get(kept.size() - 1).range.last();
      if (kept.isEmpty() || !overlap(kept.get(kept.size() - 1), load)) {
        kept.add(load);
      } else if (Long.compareUnsigned(load.range.last(), covered) > 0) {
        kept.add(load.from(covered + 1));
      }
    }
    loads.clear();
    loads.addAll(kept);
  }

  private static boolean overlap(Load before, Load next) {
    return Long.compareUnsigned(next.first(), before.range.last()) <= 0;
  }

  private ImageException overlapping(Load before, Load load, String how) {
    return new ImageException(
        file,
        load.header,
        "memory 0x%x..0x%x overlaps 0x%x..0x%x%s, expected separate addresses"
            .formatted(load.first(), load.range.last(), before.first(), before.range.last(), how));
  }

  private static boolean equal(Load one, Load other, long first, long last) {
    for (long at = first; ; ) {
      MemorySegment left = one.at(at);
      MemorySegment right = other.at(at);
      // Distances to last bytes, since all of the addresses are one byte too many for 64 bits.
      long rest = last - at;
      long end = rest;
      end = left == null ? end : min(end, left.byteSize() - 1);
      end = right == null ? end : min(end, right.byteSize() - 1);
      long length = end + 1;
      boolean same =
          left == null || right == null
              ? left == null && right == null || isZero(left == null ? right : left, length)
              : MemorySegment.mismatch(left, 0, length, right, 0, length) < 0;
      if (!same) {
        return false;
      }
      if (end == rest) {
        return true;
      }
      at += length;
    }
  }

  private static boolean isZero(@Nullable MemorySegment bytes, long length) {
    for (long i = 0; bytes != null && i < length; i++) {
      if (bytes.get(ValueLayout.JAVA_BYTE, i) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Adds {@code range}: the file's bytes where it has them, and zeros between them. */
  private void fill(GuestMemory.Builder builder, MemoryRange range) {
    long next = range.first();
    boolean open = true;
    for (int i = firstAtOrBefore(range.first()); i < loads.size() && open; i++) {
      Load load = loads.get(i);
      if (Long.compareUnsigned(load.first(), range.last()) > 0) {
        break;
      }
      long at = load.first();
      for (Piece piece : load.pieces) {
        long last = at + piece.size - 1;
        long from = max(at, next);
        long to = min(last, range.last());
        if (Long.compareUnsigned(from, to) <= 0) {
          if (from != next) {
            builder.zeros(next, from - 1);
          }
          builder.window(from, piece.whole, piece.start + (from - at), to - from + 1);
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
