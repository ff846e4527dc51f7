package dev.nestwalk.explain;

import java.io.Serial;

/** An entry changed between its read and the update of its flags: the walk starts again. */
final class Restart extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** What the walk ends with if this happens time and again. */
  final RuntimeException refusal;

  Restart(RuntimeException refusal) {
    super("entry changed", null, false, false);
    this.refusal = refusal;
  }
}
