package dev.nestwalk.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;

/**
 * Guest memory from a LiME dump: for each range a header of 32 bytes (magic, version, first and
 * last address, reserved), then the range's bytes.
 */
final class LimeDump {
  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong XWORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int MAGIC = 0x4c694d45;
  private static final int HEADER = 32;

  static GuestMemory read(
      Path file, MemorySegment bytes, List<MemoryRange> ram, Opening opening, Arena arena)
      throws ImageException {
    Runs runs = new Runs(file);
    long at = 0;
    while (at < bytes.byteSize()) {
      if (bytes.byteSize() - at < HEADER) {
        throw new ImageException(file, at, "the file ends within a range's header of 32 bytes");
      }
      int magic = bytes.get(WORD, at);
      int version = bytes.get(WORD, at + 4);
      if (magic != MAGIC || version != 1) {
        throw new ImageException(
            file,
            at,
            "magic 0x%x, version %d, expected a LiME header (0x%x, 1)"
                .formatted(magic, version, MAGIC));
      }
      long first = bytes.get(XWORD, at + 8);
      long last = bytes.get(XWORD, at + 16);
      long size = last - first + 1;
      long data = at + HEADER;
      boolean inside = size > 0 && size <= bytes.byteSize() - data;
      if (Long.compareUnsigned(last, first) < 0 || !inside || ((first | size) & 7) != 0) {
        throw new ImageException(
            file,
            at + 8,
            "range 0x%x..0x%x, expected whole 8-byte words within the file's 0x%x bytes"
                .formatted(first, last, bytes.byteSize()));
      }
      runs.add(at, new MemoryRange(first, last), List.of(new Runs.Piece(bytes, data, size)));
      at = data + size;
    }
    return runs.build(ram, opening);
  }

  private LimeDump() {}
}
