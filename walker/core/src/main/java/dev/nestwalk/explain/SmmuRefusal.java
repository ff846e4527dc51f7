package dev.nestwalk.explain;

import java.io.Serial;

/** Ends an SMMUv3 reference walk without a translation. */
final class SmmuRefusal extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  final int code;
  final int stage;
  final int level;

  /** CLASS: 0 CD, 1 TT, 2 IN. */
  final int kind;

  /** IPA or FetchAddr. */
  final long address;

  /** TTRnW; for an atomic access, whether only its read was denied. */
  final boolean read;

  SmmuRefusal(int code, int stage, int level, int kind, long address, boolean read) {
    super("event 0x" + Integer.toHexString(code), null, false, false);
    this.code = code;
    this.stage = stage;
    this.level = level;
    this.kind = kind;
    this.address = address;
    this.read = read;
  }

  static SmmuRefusal config(int code, long address) {
    return new SmmuRefusal(code, 0, 0, 0, address, false);
  }

  static SmmuRefusal first(int code, int level, boolean read) {
    return new SmmuRefusal(code, 1, level, 2, 0, read);
  }

  static SmmuRefusal second(int code, int level, int kind, long ipa, boolean read) {
    return new SmmuRefusal(code, 2, level, kind, ipa, read);
  }
}
