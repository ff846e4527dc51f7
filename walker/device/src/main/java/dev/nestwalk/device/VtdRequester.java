package dev.nestwalk.device;

import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultCode;
import dev.nestwalk.vtd.FaultReason;
import dev.nestwalk.vtd.PasidDirectoryEntry;
import dev.nestwalk.vtd.PasidTableEntry;
import dev.nestwalk.vtd.RootTableAddress;
import dev.nestwalk.vtd.ScalableContextEntry;
import dev.nestwalk.vtd.ScalableRootEntry;

/**
 * What the tables of scalable mode say of a requester that asks for a page (VT-d 7.4): whether it
 * may, and which domain its pages belong to. Reserved bits are left to its DMA, which judges them.
 *
 * <p>Threads: guarded by the unit's lock.
 */
final class VtdRequester {
  private static final int ROOT_ENTRY = 16;
  private static final int CONTEXT_ENTRY = 32;
  private static final int PASID_ENTRY = 64;

  private final GuestMemory memory;
  private final long ecap;
  private long context;
  private int domain;
  private int ridPasid;
  private boolean hidden;

  VtdRequester(GuestMemory memory, long ecap) {
    this.memory = memory;
    this.ecap = ecap;
  }

  /** Whether RTADDR selects scalable mode. */
  static boolean isScalable(long root) {
    return RootTableAddress.TTM.get(root) == RootTableAddress.TTM_SCALABLE;
  }

  /**
   * Reads root, context and PASID entries.
   *
   * @param root RTADDR in force
   * @param sourceId requester id
   * @param pasid PASID, -1 for none
   * @return the fault reason that refuses the request, or 0
   */
  int resolve(long root, int sourceId, int pasid) {
    context = 0;
    hidden = false;
    int half = sourceId >>> 7 & 1;
    long at = (root & RootTableAddress.RTA.mask()) + (long) (sourceId >>> 8) * ROOT_ENTRY;
    if (!memory.holds(at)) {
      return FaultReason.SRT_1.code();
    }
    long rootEntry = read(at + 8L * half);
    if (!ScalableRootEntry.LP.in(rootEntry)) {
      return FaultReason.SRT_2.code();
    }
    at = (rootEntry & ScalableRootEntry.LCTP.mask()) + (long) (sourceId & 0x7f) * CONTEXT_ENTRY;
    if (!memory.holds(at)) {
      return FaultReason.SCT_1.code();
    }
    context = read(at);
    hidden = ScalableContextEntry.FPD.in(context);
    if (!ScalableContextEntry.P.in(context)) {
      return FaultReason.SCT_2.code();
    }
    if (pasid >= 0 && !ScalableContextEntry.PASIDE.in(context)) {
      return FaultReason.SCT_6.code();
    }
    int directory = 128 << ScalableContextEntry.PDTS.get(context);
    if (pasid >>> 6 >= directory && pasid >= 0) {
      return FaultReason.SCT_7.code();
    }
    if (!ScalableContextEntry.PRE.in(context)) {
      return FaultCode.SCT_8;
    }
    ridPasid = Ecap.RPS.in(ecap) ? (int) ScalableContextEntry.RID_PASID.get(read(at + 8)) : 0;
    if (pasid < 0 && ridPasid >>> 6 >= directory) {
      return FaultReason.SCT_9.code();
    }
    return pasidEntry(pasid < 0 ? ridPasid : pasid);
  }

  private int pasidEntry(int pasid) {
    long at = (context & ScalableContextEntry.PASIDDIRPTR.mask()) + 8L * (pasid >>> 6);
    if (!memory.holds(at)) {
      return FaultReason.SPD_1.code();
    }
    long directory = read(at);
    hidden |= PasidDirectoryEntry.FPD.in(directory);
    if (!PasidDirectoryEntry.P.in(directory)) {
      return FaultReason.SPD_2.code();
    }
    at = (directory & PasidDirectoryEntry.SMPTBLPTR.mask()) + (long) (pasid & 0x3f) * PASID_ENTRY;
    if (!memory.holds(at)) {
      return FaultReason.SPT_1.code();
    }
    long entry = read(at);
    hidden |= PasidTableEntry.FPD.in(entry);
    if (!PasidTableEntry.P.in(entry)) {
      return FaultReason.SPT_2.code();
    }
    domain = (int) PasidTableEntry.DID.get(read(at + 8));
    return 0;
  }

  /** One word of an entry; runs of memory are whole pages or at least whole words, else 0. */
  private long read(long address) {
    int run = memory.find(address);
    return run < 0 ? 0 : memory.load(run, address);
  }

  /** Whether a fault with this reason is not recorded (FPD of an entry on the way). */
  boolean hidesFaults(int reason) {
    FaultReason known = FaultReason.of(reason);
    return hidden && (known == null || known.isQualified());
  }

  /** Domain of its pages. */
  int domain() {
    return domain;
  }

  /** PASID of its requests without one. */
  int ridPasid() {
    return ridPasid;
  }
}
