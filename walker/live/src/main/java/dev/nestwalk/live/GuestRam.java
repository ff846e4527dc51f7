package dev.nestwalk.live;

import dev.nestwalk.memory.GuestMemory;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The guest's RAM: the file behind QEMU's {@code memory-backend-file,share=on}, also mapped here,
 * so that no file descriptor has to be passed over a socket.
 *
 * <p>Threads: any, until it is closed.
 */
final class GuestRam implements AutoCloseable {
  private static final long PAGE = 4096;
  private static final int CLEARED_AT_ONCE = 1 << 20;

  private final Arena arena = Arena.ofShared();
  private final FileChannel file;
  private final MemorySegment bytes;

  private GuestRam(Path path, FileChannel file, long size) throws IOException {
    this.file = file;
    try {
      bytes = file.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
    } catch (IOException e) {
      arena.close();
      throw new IOException(path + ": cannot be mapped as guest RAM: " + e.getMessage(), e);
    }
  }

  /**
   * Maps a file, which is created if it does not exist.
   *
   * @param size bytes, a multiple of 4096
   * @throws IOException if the file has another size, is in use elsewhere or cannot be mapped
   */
  static GuestRam open(Path path, long size) throws IOException {
    if (size <= 0 || size % PAGE != 0) {
      throw new IOException(
          "guest RAM of %d bytes, expected a multiple of %d".formatted(size, PAGE));
    }
    boolean exists = Files.exists(path);
    if (!exists) {
      checkSpace(path, size);
    } else if (!Files.isRegularFile(path)) {
      throw new IOException(path + ": expected a file for guest RAM");
    } else if (Files.size(path) != size) {
      throw new IOException(
          "%s: %d bytes, expected %d (remove it or name its size)"
              .formatted(path, Files.size(path), size));
    }
    FileChannel file =
        LockedFile.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      if (!exists) {
        file.write(ByteBuffer.allocate(1), size - 1); // sparse
      }
      return new GuestRam(path, file, size);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  private static void checkSpace(Path path, long size) throws IOException {
    Path folder = path.toAbsolutePath().getParent();
    // A FileStore would be looked for in the list of mounts, which a chroot's root is not in.
    long free = (folder == null ? path : folder).toFile().getUsableSpace();
    // The file is sparse: an access that finds the file system full would end the process.
    if (free < size) {
      throw new IOException(
          "%s: %d MiB free there, expected %d for guest RAM"
              .formatted(path, free >> 20, size >> 20));
    }
  }

  /** Fills bytes of the file with zeros, and leaves it as sparse as it is. */
  void clear(long offset, long length) throws IOException {
    ByteBuffer part = ByteBuffer.allocate(CLEARED_AT_ONCE);
    ByteBuffer zeros = ByteBuffer.allocate(CLEARED_AT_ONCE);
    for (long at = offset; at < offset + length; at += part.position()) {
      part.clear().limit((int) Math.min(CLEARED_AT_ONCE, offset + length - at));
      if (file.read(part, at) < 0) {
        throw new EOFException("the file has become shorter");
      }
      if (part.flip().mismatch(zeros.clear().limit(part.limit())) >= 0) {
        while (zeros.hasRemaining()) {
          file.write(zeros, at + zeros.position());
        }
      }
      part.position(part.limit());
    }
  }

  /** Size in bytes. */
  long size() {
    return bytes.byteSize();
  }

  /** The file's bytes at the address where the guest sees them. */
  GuestMemory at(long first) {
    return GuestMemory.of(bytes, first);
  }

  /** The guest's memory in two parts, as on a PC whose memory does not fit below 4 GiB. */
  GuestMemory split(long below, long second) {
    if (size() <= below) {
      return at(0);
    }
    return GuestMemory.builder()
        .window(0, bytes, 0, below)
        .window(second, bytes, below, size() - below)
        .build();
  }

  @Override
  public void close() throws IOException {
    arena.close();
    file.close();
  }
}
