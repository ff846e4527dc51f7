package dev.nestwalk.cli;

import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * Writes an output file either completely or not at all, and never over a file that the command
 * reads.
 */
final class OutputFile {
  /**
   * Writes a text in UTF-8 to a temporary file beside {@code file}, then renames it. Anything but a
   * regular file, such as a pipe or a device, is written directly.
   *
   * @param inputs files that the command reads
   * @throws InputException with a message of one line if the file is an input or cannot be written
   */
  static void write(Path file, String text, List<Path> inputs) {
    if (file.toString().isEmpty()) {
      throw new InputException("empty file name: expected the name of a file to write to");
    }
    Path temporary = null;
    try {
      for (Path input : inputs) {
        if (Files.exists(file) && Files.exists(input) && Files.isSameFile(file, input)) {
          throw new InputException(file + ": is an input, expected another file to write to");
        }
      }
      if (Files.isDirectory(file)) {
        throw new InputException(file + ": is a folder, expected a file to write to");
      }
      if (Files.exists(file) && !Files.isRegularFile(file)) {
        Files.writeString(file, text);
        return;
      }
      // A symbolic link stays one: the file that it points to is replaced.
      Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      temporary = Files.createTempFile(target.getParent(), ".nestwalk", ".part");
      Files.writeString(temporary, text);
      keepPermissions(target, temporary);
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      remove(temporary);
      throw new InputException(file + ": cannot be written: " + IoReason.of(e));
    }
  }

  /**
   * Sets permissions: temporary files are private, but the result has those of a new file, or keeps
   * those of the file it replaces.
   */
  private static void keepPermissions(Path target, Path temporary) throws IOException {
    try {
      Files.setPosixFilePermissions(
          temporary,
          Files.exists(target)
              ? Files.getPosixFilePermissions(target)
              : java.nio.file.attribute.PosixFilePermissions.fromString("rw-r--r--"));
    } catch (UnsupportedOperationException e) {
      // This file system has no such permissions, so there are none to keep.
    }
  }

  private static void remove(@org.jspecify.annotations.Nullable Path temporary) {
    if (temporary != null) {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException e) {
        // The first failure is the one to report.
      }
    }
  }

  private OutputFile() {}
}
