package dev.nestwalk.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A dump written through a pipe ({@code makedumpfile -F}, QEMU's {@code dump-guest-memory -z}): a
 * header of 4096 bytes, then pieces, each preceded by its offset in the dump and its size, both
 * big-endian. Both are -1 in the last piece.
 */
final class FlattenedDump {
  private static final ValueLayout.OfLong XWORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final int HEADER = 4096;
  private static final int PIECE = 16;

  /** The most bytes that no piece covers: a dump is hardly larger than its pieces. */
  private static final long MOST_HOLES = 64L << 20;

  private final Path file;
  private final MemorySegment bytes;
  private final Arena arena;

  FlattenedDump(Path file, MemorySegment bytes, Arena arena) {
    this.file = file;
    this.bytes = bytes;
    this.arena = arena;
  }

  /** The dump, rearranged as in a regular file. */
  MemorySegment rearrange() throws ImageException {
    long size = pieces(null);
    if (size == 0) {
      throw new ImageException(file, HEADER, "no piece of a dump, expected some");
    }
    MemorySegment dump;
    try {
      dump = arena.allocate(size, 4096);
    } catch (OutOfMemoryError e) {
      throw new ImageException(
          file, "needs %d bytes of memory off the heap, which are not free".formatted(size));
    }
    pieces(dump);
    return dump;
  }

  /**
   * Goes through the pieces and copies them if there is a destination.
   *
   * @return the size of the dump
   */
  private long pieces(@Nullable MemorySegment dump) throws ImageException {
    long end = 0;
    long at = HEADER;
    while (bytes.byteSize() - at >= PIECE) {
      long offset = bytes.get(XWORD, at);
      long size = bytes.get(XWORD, at + 8);
      if (offset == -1 && size == -1) {
        return end;
      }
      long data = at + PIECE;
      boolean inside = size > 0 && size <= bytes.byteSize() - data;
      if (!inside || offset < 0 || offset > 2 * bytes.byteSize() + MOST_HOLES) {
        throw new ImageException(
            file,
            at,
            "piece of 0x%x bytes for offset 0x%x, expected it within the file's 0x%x bytes"
                .formatted(size, offset, bytes.byteSize()));
      }
      if (dump != null) {
        MemorySegment.copy(bytes, data, dump, offset, size);
      }
      end = Math.max(end, offset + size);
      at = data + size;
    }
    throw new ImageException(file, at, "the file ends here, expected the last piece's -1, -1");
  }
}
