package dev.nestwalk.explain;

import java.io.Serial;

/** Ends a VT-d reference walk without a translation. */
final class Refusal extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  final int code;
  final int stage;
  final int level;
  final long intermediate;

  Refusal(int code, int stage, int level, long intermediate) {
    super("fault 0x" + Integer.toHexString(code), null, false, false);
    this.code = code;
    this.stage = stage;
    this.level = level;
    this.intermediate = intermediate;
  }

  /** A refusal that concerns no page table. */
  static Refusal of(int code) {
    return new Refusal(code, 0, 0, 0);
  }
}
