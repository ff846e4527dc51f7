package dev.nestwalk.bench.cost.trace;

import java.io.Serial;

/** A trace that cannot be read; the message is one line: file, place, what was expected. */
public final class TraceException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  TraceException(String message) {
    super(message);
  }
}
