package dev.nestwalk.explain;

import java.io.Serial;

/** The end of a reference walk that gives no translation. */
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

  /** A refusal that no page table is concerned with. */
  static Refusal of(int code) {
    return new Refusal(code, 0, 0, 0);
  }
}
