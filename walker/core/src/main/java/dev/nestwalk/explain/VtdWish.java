package dev.nestwalk.explain;

import dev.nestwalk.dma.Access;

/**
 * The rights that a request needs of page tables.
 *
 * @param oneIsEnough whether any one of the rights asked for is enough, as for a translation
 *     request
 * @param emptyRead whether it is a zero-length read on a unit with ZLR, for which either right is
 *     enough in the second stage
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

  /** The rights that remain to be checked in the second stage. */
  SecondStageSteps.Want ofSecondStage(boolean mayWrite) {
    if (emptyRead) {
      return new SecondStageSteps.Want(true, true, false, true);
    }
    return new SecondStageSteps.Want(read, write && mayWrite, execute, oneIsEnough);
  }
}
