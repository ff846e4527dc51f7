package dev.nestwalk.cli;

import java.io.Serial;

/** Something the user gave cannot be used; the message is the line to print. */
final class InputException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  InputException(String message) {
    super(message);
  }
}
