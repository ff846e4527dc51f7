package dev.nestwalk.teach;

import java.io.Serial;

/** Input of the user cannot be used; the message is the line to print. */
public final class InputException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  public InputException(String message) {
    super(message);
  }
}
