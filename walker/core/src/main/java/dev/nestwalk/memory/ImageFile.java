package dev.nestwalk.memory;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/** The bytes of a file off the heap: plain files mapped without a copy, gzip inflated. */
final class ImageFile {
  private static final int CHUNK = 1 << 16;

  /** Deflate cannot expand by more than this. */
  private static final long MAX_RATIO = 1032;

  /** Packed files below this size inflate to less than 4 GiB, so that their trailer is exact. */
  private static final long TRAILER_EXACT = (1L << 32) / MAX_RATIO;

  private final Path file;
  private final Arena arena;

  private ImageFile(Path file, Arena arena) {
    this.file = file;
    this.arena = arena;
  }

  static MemorySegment open(Path file, Opening opening, Arena arena) throws ImageException {
    if (Files.isDirectory(file)) {
      throw new ImageException(file, "is a folder, expected a file");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() == 0) {
        throw new ImageException(file, 0, "the file is empty");
      }
      ImageFile image = new ImageFile(file, arena);
      if (isGzip(channel)) {
        MemorySegment bytes = image.inflate(channel);
        return opening == Opening.READ_ONLY ? bytes.asReadOnly() : bytes;
      }
      MemorySegment bytes = image.map(channel, opening);
      if (file.toString().endsWith(".gz") && DumpKind.of(bytes) == null) {
        throw new ImageException(file, 0, "no gzip stream, which its name promises, and no dump");
      }
      return bytes;
    } catch (ImageException e) {
      throw e;
    } catch (NoSuchFileException e) {
      throw new ImageException(file, "no such file");
    } catch (AccessDeniedException e) {
      throw new ImageException(file, "permission denied");
    } catch (IOException e) {
      throw new ImageException(file, "cannot be read: " + e.getMessage());
    }
  }

  /** By the first bytes: names lie. */
  private static boolean isGzip(FileChannel channel) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(2);
    return channel.read(head, 0) == 2 && (head.getShort(0) & 0xffff) == 0x1f8b;
  }

  private MemorySegment map(FileChannel channel, Opening opening) throws IOException {
    if (opening == Opening.READ_ONLY) {
      return channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
    }
    // The JDK asks for a writable channel although a private mapping never writes the file; images
    // are often write-protected, so those are copied.
    if (Files.isWritable(file)) {
      try (FileChannel writable =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        return writable.map(MapMode.PRIVATE, 0, channel.size(), arena);
      }
    }
    return allocate(channel.size())
        .copyFrom(channel.map(MapMode.READ_ONLY, 0, channel.size(), arena));
  }

  private MemorySegment allocate(long size) throws ImageException {
    try {
      return arena.allocate(size, 4096);
    } catch (OutOfMemoryError e) {
      throw new ImageException(
          file, "needs %d bytes of memory off the heap, which are not free".formatted(size));
    }
  }

  /** Two passes where the size is not known beforehand: exact memory rather than fast growth. */
  private MemorySegment inflate(FileChannel channel) throws IOException {
    long packed = channel.size();
    long size = packed < TRAILER_EXACT ? trailer(channel) : -1;
    if (size <= 0 || size > packed * MAX_RATIO) {
      size = stream(channel, null);
    }
    MemorySegment bytes = allocate(Math.max(size, 1));
    long found = stream(channel, bytes);
    if (found == size) {
      return bytes;
    }
    // Several gzip members in one file: the trailer told the size of the last one only.
    bytes = allocate(found);
    stream(channel, bytes);
    return bytes;
  }

  private static long trailer(FileChannel channel) throws IOException {
    ByteBuffer word = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    return channel.read(word, Math.max(0, channel.size() - 4)) == 4
        ? Integer.toUnsignedLong(word.getInt(0))
        : -1;
  }

  /** Inflates everything, keeps what fits into {@code target}, returns the whole size. */
  private long stream(FileChannel channel, @Nullable MemorySegment target) throws IOException {
    channel.position(0);
    long kept = target == null ? 0 : target.byteSize();
    byte[] chunk = new byte[CHUNK];
    long at = 0;
    try {
      // Closing this stream would close the channel, which is read again.
      InputStream in = new GZIPInputStream(Channels.newInputStream(channel), CHUNK);
      for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
        long fits = Math.min(read, Math.max(0, kept - at));
        if (target != null && fits > 0) {
          MemorySegment.copy(MemorySegment.ofArray(chunk), 0, target, at, fits);
        }
        at += read;
      }
    } catch (EOFException e) {
      throw new ImageException(file, at, "the gzip stream ends here, expected its end mark");
    } catch (ZipException e) {
      throw new ImageException(file, at, "not a sound gzip stream: " + e.getMessage());
    }
    return at;
  }
}
