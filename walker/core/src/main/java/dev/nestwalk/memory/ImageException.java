package dev.nestwalk.memory;

import java.io.IOException;
import java.io.Serial;
import java.nio.file.Path;

/**
 * A memory image that cannot be used. The message is one line: the file, the place in it, what is
 * wrong there, and what was expected.
 */
public final class ImageException extends IOException {
  @Serial private static final long serialVersionUID = 1;

  /** An error that concerns the file as a whole. */
  public ImageException(Path file, String what) {
    super(file + ": " + what);
  }

  /** An error at byte {@code offset} of the file; in a compressed file, of its inflated content. */
  public ImageException(Path file, long offset, String what) {
    super("%s: offset 0x%x: %s".formatted(file, offset, what));
  }
}
