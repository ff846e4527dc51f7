package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;

/** The rights of a first-stage mapping, combined over all its entries (VT-d 3.6.1). */
final class FirstStageRights {
  private static final long US = FirstStageEntry.US.mask();
  private static final long RW = FirstStageEntry.RW.mask();
  private static final long XD = FirstStageEntry.XD.mask();

  /**
   * Checks a request.
   *
   * @param all AND of the entries of the walk
   * @param some OR of the entries of the walk
   * @param need rights that must all be granted, possibly with {@link SecondStageWalk#X}
   * @return the rights granted ({@link Access#READ}, {@link Access#WRITE}), or a negated fault
   *     reason
   */
  static int judge(VtdPlan plan, long all, long some, int need) {
    boolean user = !plan.privileged;
    boolean userPage = (all & US) != 0;
    if (user && !userPage) {
      return -FaultCode.SGN_2;
    }
    boolean writable = (all & RW) != 0 || !user && !plan.writeProtect;
    int granted = writable ? Access.ATOMIC : Access.READ;
    if ((need & Access.WRITE) != 0 && !writable) {
      return -FaultCode.SGN_6;
    }
    if ((need & SecondStageWalk.X) != 0) {
      boolean disabled = plan.noExecute && (some & XD) != 0;
      if (disabled || !user && userPage && plan.smep) {
        return -FaultCode.SGN_3;
      }
    }
    return granted;
  }

  private FirstStageRights() {}
}
