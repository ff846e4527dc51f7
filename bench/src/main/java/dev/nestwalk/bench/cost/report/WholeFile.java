package dev.nestwalk.bench.cost.report;

import dev.nestwalk.fixtures.IoReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Writes files either completely or not at all. */
public final class WholeFile {
  /**
   * Writes a text in UTF-8 to a temporary file beside {@code file}, then renames it. Anything but a
   * regular file, such as a pipe or a device, is written directly.
   *
   * @throws CostException with a message of one line if it cannot be written
   */
  public static void write(Path file, String text) {
    @Nullable Path temporary = null;
    try {
      if (Files.isDirectory(file)) {
        throw new CostException(file + ": is a folder, expected a file to write to");
      }
      if (Files.exists(file) && !Files.isRegularFile(file)) {
        Files.writeString(file, text);
        return;
      }
      Path target = Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
      // A unique name, since several processes may write the same file at once.
      temporary = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID());
      Files.writeString(temporary, text, StandardOpenOption.CREATE_NEW);
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      remove(temporary);
      throw new CostException(file + ": cannot be written: " + IoReason.of(e));
    }
  }

  private static void remove(@Nullable Path temporary) {
    if (temporary != null) {
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException e) {
        // The first failure is the one to report.
      }
    }
  }

  private WholeFile() {}
}
