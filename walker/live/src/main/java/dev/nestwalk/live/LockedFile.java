package dev.nestwalk.live;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Files that a server has to itself. The lock is advisory: other servers respect it. It ends with
 * the channel, or with the process.
 */
final class LockedFile {
  private LockedFile() {}

  /**
   * Opens and locks a file. Its content does not change by that.
   *
   * @throws IOException if it cannot be opened as the options say, or is in use elsewhere
   */
  static FileChannel open(Path path, OpenOption... options) throws IOException {
    FileChannel channel;
    try {
      channel = FileChannel.open(path, options);
    } catch (IOException e) {
      throw new IOException(path + ": cannot be opened for writing: " + e.getMessage(), e);
    }
    String refusal;
    try {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return channel;
      }
      refusal = "in use by another server";
    } catch (OverlappingFileLockException e) {
      refusal = "named twice, or in use by another server";
    } catch (IOException e) {
      refusal = "cannot be locked: " + e.getMessage();
    }
    channel.close();
    throw new IOException(path + ": " + refusal);
  }

  /**
   * Starts a file anew. What is no file, such as a pipe, is opened without a lock.
   *
   * @throws IOException if it cannot be opened for writing, or is in use elsewhere; its content has
   *     not changed then
   */
  static OutputStream output(Path path) throws IOException {
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      return Files.newOutputStream(path);
    }
    FileChannel channel = open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      channel.truncate(0);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    return Channels.newOutputStream(channel);
  }
}
