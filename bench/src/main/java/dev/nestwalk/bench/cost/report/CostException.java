package dev.nestwalk.bench.cost.report;

import dev.nestwalk.fixtures.OneLine;
import java.io.Serial;

/** Input of the user cannot be used; the message is the line to print. */
public final class CostException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** Makes an exception with a message of one line: what, where, what was expected. */
  public CostException(String message) {
    super(OneLine.of(message));
  }
}
