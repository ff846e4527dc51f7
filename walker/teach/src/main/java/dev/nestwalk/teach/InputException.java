package dev.nestwalk.teach;

import dev.nestwalk.fixtures.OneLine;
import java.io.Serial;

/** Input of the user cannot be used; the message is the line to print. */
public final class InputException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** With a message for people; what it quotes of the input may hold anything. */
  public InputException(String message) {
    super(OneLine.of(message));
  }
}
