package dev.nestwalk.smmu;

/**
 * A stream's configuration, resolved: STE and CD decoded and checked into primitives. Filled by
 * {@link StreamResolver} and {@link ContextResolver}.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class SmmuPlan {
  /** Effective stages, after S1DSS. */
  boolean stage1;

  boolean stage2;

  /** STE.Config enables both stages, whatever S1DSS says. */
  boolean nested;

  /** S1DSS. */
  int defaultSubstream;

  /** Stage 1 is on in the STE, but S1DSS bypasses it for this request. */
  boolean bypassedStage1;

  /** EATS as it takes effect: 0 off, 1 full, 2 split-stage. */
  int ats;

  /** PRIVCFG and INSTCFG as they take effect: 0 incoming, 2 and 3 override. */
  int privilege;

  int instruction;

  /** Stage 2 of the stream. */
  final Regime second = new Regime();

  int vmid;
  boolean secondAccessFlagFaults;
  boolean secondHa;
  boolean secondHd;
  boolean protectedWalk;
  boolean forcedWriteBack;
  boolean secondStalls;
  boolean secondRecords;

  /** CD table. */
  long contextTable;

  int contextFormat;
  int contextBits;
  boolean stallDisabled;

  /** Stage 1: the lower and the upper range. */
  final Regime lower = new Regime();

  final Regime upper = new Regime();
  boolean lowerOff;
  boolean upperOff;
  boolean lowerTopByteIgnored;
  boolean upperTopByteIgnored;
  boolean lowerFlat;
  boolean upperFlat;
  boolean lowerNoUser;
  boolean upperNoUser;

  /** EL1&0 or EL2-E2H: two ranges, and privilege counts. */
  boolean twoPrivileges;

  int asid;
  boolean accessFlagFaults;
  boolean ha;
  boolean hd;
  boolean writeNeverExecute;
  boolean privilegedNever;
  boolean stalls;
  boolean records;
}
