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
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a file, off the heap: plain files are mapped without a copy, compressed ones are
 * unpacked.
 */
final class ImageFile {
  private static final int CHUNK = 1 << 16;

  /** The largest ratio by which Deflate can expand its input. */
  private static final long MAX_RATIO = 1032;

  /**
   * Compressed files below this size inflate to less than 4 GiB, so the size in their trailer is
   * exact.
   */
  private static final long TRAILER_EXACT = (1L << 32) / MAX_RATIO;

  /**
   * A file of a few bytes can promise terabytes. It may unpack to this many bytes, or to the size
   * of the largest heap if that is more; unless set otherwise, that size also limits memory off the
   * heap.
   */
  private static final long MOST_BYTES = 1L << 36;

  private final Path file;
  private final Unpacking unpacking;
  private final Arena arena;

  private ImageFile(Path file, Unpacking unpacking, Arena arena) {
    this.file = file;
    this.unpacking = unpacking;
    this.arena = arena;
  }

  static MemorySegment open(Path file, Opening opening, Arena arena) throws ImageException {
    return open(file, opening, Unpacking.PLAIN, arena);
  }

  static MemorySegment open(Path file, Opening opening, Unpacking unpacking, Arena arena)
      throws ImageException {
    if (Files.isDirectory(file)) {
      throw new ImageException(file, "is a folder, expected a file");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() == 0) {
        throw new ImageException(file, 0, "the file is empty");
      }
      ImageFile image = new ImageFile(file, unpacking, arena);
      DumpKind kind = head(channel);
      if (kind == DumpKind.GZIP || kind == DumpKind.ZSTD && image.knowsZstd()) {
        MemorySegment bytes = image.unpack(channel, kind);
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
      String reason = e instanceof FileSystemException of ? of.getReason() : e.getMessage();
      throw new ImageException(
          file, "cannot be read" + (reason == null || reason.isBlank() ? "" : ": " + reason));
    }
  }

  /** The kind of file, by its first bytes; file names are not reliable. */
  private static @Nullable DumpKind head(FileChannel channel) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(4);
    channel.read(head, 0);
    return DumpKind.of(MemorySegment.ofBuffer(head.flip()));
  }

  private boolean knowsZstd() throws IOException {
    try (InputStream none = unpacking.zstd(InputStream.nullInputStream())) {
      return none != null;
    }
  }

  private MemorySegment map(FileChannel channel, Opening opening) throws IOException {
    if (opening == Opening.READ_ONLY) {
      return channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
    }
    // Mapping wants a writable channel although a private mapping never writes the file. Images are
    // often write-protected, and those are copied.
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

  /**
   * Unpacks the file. If the size is not known beforehand, this takes two passes, so that exactly
   * the memory needed is allocated.
   */
  private MemorySegment unpack(FileChannel channel, DumpKind kind) throws IOException {
    long packed = channel.size();
    long size = kind == DumpKind.GZIP && packed < TRAILER_EXACT ? trailer(channel) : -1;
    if (size <= 0 || size > packed * MAX_RATIO) {
      size = stream(channel, kind, null);
    }
    MemorySegment bytes = allocate(Math.max(size, 1));
    long found = stream(channel, kind, bytes);
    if (found == size) {
      return bytes;
    }
    // The file has several gzip members; the trailer held the size of the last one only.
    bytes = allocate(found);
    stream(channel, kind, bytes);
    return bytes;
  }

  private static long trailer(FileChannel channel) throws IOException {
    ByteBuffer word = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    return channel.read(word, Math.max(0, channel.size() - 4)) == 4
        ? Integer.toUnsignedLong(word.getInt(0))
        : -1;
  }

  /**
   * Unpacks everything and keeps what fits into {@code target}.
   *
   * @return the whole size
   */
  private long stream(FileChannel channel, DumpKind kind, @Nullable MemorySegment target)
      throws IOException {
    channel.position(0);
    long kept = target == null ? 0 : target.byteSize();
    long most = Math.max(MOST_BYTES, Runtime.getRuntime().maxMemory());
    byte[] chunk = new byte[CHUNK];
    long at = 0;
    try {
      // Closing this stream would close the channel, which is read a second time.
      InputStream in = unpacked(Channels.newInputStream(channel), kind);
      for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
        long fits = Math.min(read, Math.max(0, kept - at));
        if (target != null && fits > 0) {
          MemorySegment.copy(MemorySegment.ofArray(chunk), 0, target, at, fits);
        }
        at += read;
        if (at > most) {
          throw new ImageException(file, "unpacks to more than %d GiB".formatted(most >> 30));
        }
      }
    } catch (EOFException e) {
      throw new ImageException(
          file, at, "the %s stream ends here, expected its end mark".formatted(name(kind)));
    } catch (ZipException e) {
      throw new ImageException(
          file, at, "not a sound %s stream: %s".formatted(name(kind), e.getMessage()));
    }
    return at;
  }

  private InputStream unpacked(InputStream packed, DumpKind kind) throws IOException {
    InputStream zstd = kind == DumpKind.ZSTD ? unpacking.zstd(packed) : null;
    return zstd == null ? new GZIPInputStream(packed, CHUNK) : zstd;
  }

  private static String name(DumpKind kind) {
    return kind == DumpKind.ZSTD ? "zstd" : "gzip";
  }
}
