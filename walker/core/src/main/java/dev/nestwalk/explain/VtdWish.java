package dev.nestwalk.explain;

import dev.nestwalk.dma.Access;

/**
 * What a request asks of page tables.
 *
 * @param oneIsEnough whether one right of those asked for will do: a translation request
 * @param emptyRead a zero-length read on a unit with ZLR: in the second stage either right will do
 */
record VtdWish(
    boolean read, boolean write, boolean execute, boolean oneIsEnough, boolean emptyRead) {
  static VtdWish of(int access, boolean withPasid, boolean zeroLengthReads) {
    boolean query = (access & Access.TRANSLATION_REQUEST) != 0;
    boolean execute = withPasid && (access & Access.EXECUTE) != 0;
    return new VtdWish(
        (access & Access.READ) != 0,
        (access & Access.WRITE) != 0,
        execute,
        query,
        !query && zeroLengthReads && (access & Access.ZERO_LENGTH) != 0);
  }

  /** What is left to ask of the second stage. */
  SecondStageSteps.Want ofSecondStage(boolean mayWrite) {
    if (emptyRead) {
      return new SecondStageSteps.Want(true, true, false, true);
    }
    return new SecondStageSteps.Want(read, write && mayWrite, execute, oneIsEnough);
  }
}
