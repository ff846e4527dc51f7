package dev.nestwalk.memory;

import java.io.IOException;
import java.io.InputStream;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * Unpacks dumps: files packed as a whole, and pages of kdump-compressed dumps, each packed by
 * itself. The library itself knows gzip and zlib; who has others gives them along.
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

  /**
   * Unpacks a file that is packed as a whole with Zstandard.
   *
   * @param packed the file's bytes from its start
   * @return what is packed; reading it throws a {@link java.util.zip.ZipException} where the bytes
   *     are not sound and an {@link java.io.EOFException} where they end too early; null if
   *     Zstandard is not known
   */
  default @Nullable InputStream zstd(InputStream packed) throws IOException {
    return null;
  }
}
