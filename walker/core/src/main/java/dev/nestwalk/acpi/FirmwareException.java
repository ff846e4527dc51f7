package dev.nestwalk.acpi;

import java.io.Serial;

/** A firmware table or text that cannot be read. The message is one line and names the place. */
public final class FirmwareException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** Makes an exception with a message for users. */
  public FirmwareException(String message) {
    super(message);
  }

  static FirmwareException at(int offset, String what) {
    return new FirmwareException("offset %d: %s".formatted(offset, what));
  }
}
