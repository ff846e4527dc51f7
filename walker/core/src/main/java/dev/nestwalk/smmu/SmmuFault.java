package dev.nestwalk.smmu;

import dev.nestwalk.dma.Translation;

/** A fault of a walk, as far as it is known before the event is written. */
final class SmmuFault {
  /** CLASS: fetch of a CD. */
  static final int CD = 0;

  /** CLASS: fetch of a stage 1 descriptor. */
  static final int TT = 1;

  /** CLASS: the input address. */
  static final int IN = 2;

  int kind;
  boolean stage2;

  /** IPA of a stage 2 fault, or FetchAddr. */
  long address;

  /** Whether the walk's own access was a read; used if a permission fault has CLASS TT. */
  boolean walkRead;

  /** Whether the fault is always recorded, as under stage 1 bypass. */
  boolean always;

  /** The refusal to return if a flag update keeps losing. */
  long lost;

  void clear() {
    kind = 0;
    stage2 = false;
    address = 0;
    walkRead = false;
    always = false;
  }

  /** A refusal by configuration, without a stage. */
  static long config(int code) {
    return Translation.fault(code, 0, 0);
  }

  long fetch(int code, long at) {
    address = at;
    return config(code);
  }

  long first(int code, int level) {
    kind = IN;
    stage2 = false;
    address = 0;
    return Translation.fault(code, 1, level & 15);
  }

  long second(int code, int level, int newKind, long ipa) {
    kind = newKind;
    stage2 = true;
    address = ipa;
    walkRead = true;
    return Translation.fault(code, 2, level & 15);
  }

  /** A table of stage {@code stage} that is outside memory. */
  long external(int stage, int level, int newKind, long at) {
    kind = newKind;
    stage2 = stage == 2;
    address = at;
    return Translation.fault(EventCode.F_WALK_EABT, stage, level & 15);
  }

  /** A flag update that lost to another writer: {@link Stage2Walk#LOST}. */
  long lost(int stage, int level, int newKind, long at) {
    lost = external(stage, level, newKind, at);
    return Stage2Walk.LOST;
  }
}
