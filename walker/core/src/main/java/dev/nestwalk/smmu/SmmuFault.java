package dev.nestwalk.smmu;

import dev.nestwalk.dma.Translation;

/** What a walk found wrong, until the event is written. */
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

  /** The walk's own access, where a permission fault has CLASS TT. */
  boolean walkRead;

  /** The fault is always recorded: stage 1 bypass. */
  boolean always;

  /** The refusal that a lost update becomes if it is lost time and again. */
  long lost;

  void clear() {
    kind = 0;
    stage2 = false;
    address = 0;
    walkRead = false;
    always = false;
  }

  /** A refusal by configuration, without stage. */
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

  /** A table of stage {@code stage} outside memory. */
  long external(int stage, int level, int newKind, long at) {
    kind = newKind;
    stage2 = stage == 2;
    address = at;
    return Translation.fault(EventCode.F_WALK_EABT, stage, level & 15);
  }

  /** A flag update lost against another writer: {@link Stage2Walk#LOST}. */
  long lost(int stage, int level, int newKind, long at) {
    lost = external(stage, level, newKind, at);
    return Stage2Walk.LOST;
  }
}
