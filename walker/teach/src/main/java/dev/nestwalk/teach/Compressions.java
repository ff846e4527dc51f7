package dev.nestwalk.teach;

import dev.nestwalk.memory.Unpacking;
import io.airlift.compress.v3.Decompressor;
import io.airlift.compress.v3.MalformedInputException;
import io.airlift.compress.v3.lzo.LzoDecompressor;
import io.airlift.compress.v3.snappy.SnappyJavaDecompressor;
import io.airlift.compress.v3.zstd.ZstdInputStream;
import io.airlift.compress.v3.zstd.ZstdJavaDecompressor;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * The compressions of dumps: gzip and zlib by the JDK; LZO, Snappy and Zstandard by a Java library
 * that uses {@code sun.misc.Unsafe}. The launcher permits this, so that the JVM prints no warning.
 */
final class Compressions implements Unpacking {
  private final Map<Integer, Decompressor> decompressors = new HashMap<>();

  @Override
  public int unpack(int compression, byte[] packed, int length, byte[] page) {
    Decompressor by = decompressors.computeIfAbsent(compression, Compressions::decompressor);
    if (by == null) {
      return PLAIN.unpack(compression, packed, length, page);
    }
    try {
      return by.decompress(packed, 0, length, page, 0, page.length);
    } catch (MalformedInputException | IllegalArgumentException | IndexOutOfBoundsException e) {
      return 0;
    }
  }

  /** Created on first use, since it loads the class that uses Unsafe. */
  private static @Nullable Decompressor decompressor(int compression) {
    return switch (compression) {
      case LZO -> new LzoDecompressor();
      case SNAPPY -> new SnappyJavaDecompressor();
      case ZSTD -> new ZstdJavaDecompressor();
      default -> null;
    };
  }

  @Override
  public InputStream zstd(InputStream packed) throws IOException {
    return new Sound(packed, new ZstdInputStream(packed));
  }

  /** Reports corrupt and missing bytes by the exceptions that the contract requires. */
  private static final class Sound extends FilterInputStream {
    private final InputStream packed;

    Sound(InputStream packed, InputStream unpacked) {
      super(unpacked);
      this.packed = packed;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      try {
        return super.read(bytes, offset, length);
      } catch (MalformedInputException | IllegalArgumentException | IndexOutOfBoundsException e) {
        throw (ZipException) new ZipException("its blocks do not unpack").initCause(e);
      } catch (IOException e) {
        if (packed.read() < 0) {
          throw (EOFException) new EOFException().initCause(e);
        }
        throw e;
      }
    }
  }
}
