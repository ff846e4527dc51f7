package dev.nestwalk.explain;

import java.io.Serial;

/** An entry changed between its read and the update of its flags: the walk starts again. */
final class Restart extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  Restart() {
    super("entry changed", null, false, false);
  }
}
