package dev.nestwalk.explain;

import java.io.Serial;

/**
 * Thrown if an entry changed between its read and the update of its flags: the walk starts again.
 */
final class Restart extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  /** The refusal that ends the walk if this keeps happening. */
  final RuntimeException refusal;

  Restart(RuntimeException refusal) {
    super("entry changed", null, false, false);
    this.refusal = refusal;
  }
}
