package dev.nestwalk.live;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The storage of an NVMe namespace: blocks of {@value #BLOCK} bytes.
 *
 * <p>Threads: one at a time.
 */
abstract class Disk implements AutoCloseable {
  /** Bytes of a block. */
  static final int BLOCK = 512;

  private final long blocks;

  Disk(long blocks) {
    this.blocks = blocks;
  }

  /** A disk in memory, which is lost at the end. */
  static Disk inMemory(int blocks) {
    return new InMemory(blocks);
  }

  /**
   * The blocks of a file. Only blocks that are written change in the file.
   *
   * @throws IOException if it is not a writable file of whole blocks, or is in use elsewhere
   */
  static Disk file(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new IOException(path + ": no such disk, expected a file");
    }
    long size = Files.size(path);
    if (size == 0 || size % BLOCK != 0) {
      throw new IOException("%s: %d bytes, expected a multiple of %d".formatted(path, size, BLOCK));
    }
    FileChannel channel = LockedFile.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    return new InFile(channel, size / BLOCK);
  }

  /** Number of blocks. */
  final long blocks() {
    return blocks;
  }

  /** Whether its content is lost at the end, and so is nobody's. */
  abstract boolean isLostAtEnd();

  /** Reads whole blocks. */
  abstract void read(long block, ByteBuffer into) throws IOException;

  /** Writes whole blocks. */
  abstract void write(long block, ByteBuffer from) throws IOException;

  /** Makes everything written so far survive a crash of this machine. */
  abstract void flush() throws IOException;

  @Override
  public void close() throws IOException {}

  private static final class InMemory extends Disk {
    private final ByteBuffer bytes;

    InMemory(int blocks) {
      super(blocks);
      bytes = ByteBuffer.allocateDirect(Math.multiplyExact(blocks, BLOCK));
    }

    @Override
    boolean isLostAtEnd() {
      return true;
    }

    @Override
    void read(long block, ByteBuffer into) {
      int length = into.remaining();
      into.put(bytes.slice((int) block * BLOCK, length));
    }

    @Override
    void write(long block, ByteBuffer from) {
      bytes.slice((int) block * BLOCK, from.remaining()).put(from);
    }

    @Override
    void flush() {}
  }

  private static final class InFile extends Disk {
    private final FileChannel channel;

    InFile(FileChannel channel, long blocks) {
      super(blocks);
      this.channel = channel;
    }

    @Override
    boolean isLostAtEnd() {
      return false;
    }

    @Override
    void read(long block, ByteBuffer into) throws IOException {
      long at = block * BLOCK;
      while (into.hasRemaining()) {
        int got = channel.read(into, at);
        if (got < 0) {
          throw new EOFException("the file has become shorter");
        }
        at += got;
      }
    }

    @Override
    void write(long block, ByteBuffer from) throws IOException {
      long at = block * BLOCK;
      while (from.hasRemaining()) {
        at += channel.write(from, at);
      }
    }

    @Override
    void flush() throws IOException {
      channel.force(false);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
