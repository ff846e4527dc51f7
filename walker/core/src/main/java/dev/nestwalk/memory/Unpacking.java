package dev.nestwalk.memory;

import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Unpacks pages of kdump-compressed dumps. The library itself knows zlib; who has others gives them
 * along.
 */
public interface Unpacking {
  /** Compressions by their bits in a page descriptor. */
  int ZLIB = 1;

  /** LZO1X. */
  int LZO = 2;

  /** Snappy, without framing. */
  int SNAPPY = 4;

  /** Zstandard. */
  int ZSTD = 0x20;

  /** What the library can by itself. */
  Unpacking PLAIN =
      (compression, packed, length, page) -> {
        if (compression != ZLIB) {
          return -1;
        }
        Inflater inflater = new Inflater();
        try {
          inflater.setInput(packed, 0, length);
          int size = inflater.inflate(page);
          return inflater.finished() || size == page.length ? size : 0;
        } catch (DataFormatException e) {
          return 0;
        } finally {
          inflater.end();
        }
      };

  /**
   * Unpacks a page.
   *
   * @param compression {@link #ZLIB} or another of these bits
   * @param packed bytes, of which {@code length} count
   * @param page where the page goes; it should fill it
   * @return bytes written; less than the page if the bytes are not sound; -1 if this compression is
   *     not known
   */
  int unpack(int compression, byte[] packed, int length, byte[] page);
}
