package dev.nestwalk.memory;

import java.io.IOException;
import java.io.InputStream;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * Unpacks dumps: files that are compressed as a whole, and pages of kdump-compressed dumps, which
 * are compressed separately. This library supports gzip and zlib; callers can add other formats.
 */
public interface Unpacking {
  /** zlib. This constant and the next ones are the bits of a page descriptor. */
  int ZLIB = 1;

  /** LZO1X. */
  int LZO = 2;

  /** Snappy, without framing. */
  int SNAPPY = 4;

  /** Zstandard. */
  int ZSTD = 0x20;

  /** What this library supports by itself. */
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
   * @param packed the compressed bytes; the first {@code length} count
   * @param page receives the page, which should fill it
   * @return bytes written; less than the page if the input is corrupt; -1 if this compression is
   *     not supported
   */
  int unpack(int compression, byte[] packed, int length, byte[] page);

  /**
   * Unpacks a file that is compressed as a whole with Zstandard.
   *
   * @param packed the file's bytes from its start
   * @return the content, or null if Zstandard is not supported. Reading it throws a {@link
   *     java.util.zip.ZipException} if the bytes are corrupt and an {@link java.io.EOFException} if
   *     they end too early
   */
  default @Nullable InputStream zstd(InputStream packed) throws IOException {
    return null;
  }
}
