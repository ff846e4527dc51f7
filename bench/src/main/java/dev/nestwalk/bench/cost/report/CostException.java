package dev.nestwalk.bench.cost.report;

import java.io.Serial;

/** Something the user gave cannot be used; the message is the line to print. */
public final class CostException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** With one line: what, where, what was expected. */
  public CostException(String message) {
    super(message);
  }
}
