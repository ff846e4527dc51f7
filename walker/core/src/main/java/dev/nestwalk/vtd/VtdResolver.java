package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.format.Structure;
import dev.nestwalk.memory.GuestMemory;

/**
 * Resolves the root, context and PASID structures of one request into a {@link VtdPlan} (VT-d 3.4,
 * 9.1 to 9.6). Checks follow the order of the fault conditions in 7.1.3: presence, reserved bits,
 * then what a present entry demands.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class VtdResolver {
  private static final Structure ROOT = RootEntry.STRUCTURE;
  private static final Structure SCALABLE = ScalableContextEntry.STRUCTURE;
  private static final Structure PASID = PasidTableEntry.STRUCTURE;

  /** Entries of a scalable-mode context table, which has those of half a bus. */
  private static final int CONTEXTS = 128;

  /** Log2 of the entries of a PASID table. */
  private static final int TABLE_BITS = 6;

  private final VtdConfig config;
  private final VtdCapabilities unit;
  private final ReservedMasks reserved;
  private final GuestMemory memory;
  private final long ecap;

  /** The PASID of requests without one. */
  private int plainPasid;

  // The entry under examination; filled by read().
  private final long[] words = new long[PASID.words()];

  /** Set by {@link #resolve}: whether FPD of an entry that was read suppresses qualified faults. */
  boolean faultsHidden;

  VtdResolver(VtdConfig config, GuestMemory memory) {
    this.config = config;
    this.unit = config.unit;
    this.reserved = config.reserved;
    this.memory = memory;
    this.ecap = config.unit.ecap();
  }

  /**
   * Resolves a request's configuration; the caller has checked the translation table mode.
   *
   * @param pasid 20 bits, or -1 for a request without PASID
   * @return 0, or the fault reason
   */
  int resolve(VtdPlan plan, int sourceId, int pasid, int access) {
    faultsHidden = false;
    boolean ofDeviceTlb = (access & (Access.TRANSLATION_REQUEST | Access.TRANSLATED)) != 0;
    return config.mode == RootTableAddress.TTM_LEGACY
        ? resolveLegacy(plan, sourceId, ofDeviceTlb)
        : resolveScalable(plan, sourceId, pasid, access, ofDeviceTlb);
  }

  /** Tells the plan's caches what {@link #resolve} resolved it from. */
  void describe(VtdPlan plan, int pasid) {
    plan.plain = pasid < 0;
    plan.faultsHidden = faultsHidden;
    plan.describe(words, plan.legacy ? 2 : words.length, pasid < 0 ? plainPasid : pasid);
  }

  private static int bus(int sourceId) {
    return sourceId >>> 8;
  }

  /** Device and function numbers, 8 bits. */
  private static int function(int sourceId) {
    return sourceId & 0xff;
  }

  /** Reads an entry of a table into {@link #words}; false if it is not all in memory. */
  private boolean read(long table, int index, Structure entry) {
    long address = table + (long) index * entry.bytes();
    for (int i = 0; i < entry.words(); i++) {
      long at = address + 8L * i;
      int run = memory.find(at);
      if (run < 0) {
        return false;
      }
      words[i] = memory.load(run, at);
    }
    return true;
  }

  private int resolveLegacy(VtdPlan plan, int sourceId, boolean ofDeviceTlb) {
    if (!read(config.rootTable, bus(sourceId), ROOT)) {
      return FaultCode.LRT_1;
    }
    if (!RootEntry.P.in(words[0])) {
      return FaultCode.LRT_2;
    }
    if (((words[0] & reserved.root) | (words[1] & reserved.rootHigh)) != 0) {
      return FaultCode.LRT_3;
    }
    if (!read(words[0] & RootEntry.CTP.mask(), function(sourceId), ContextEntry.STRUCTURE)) {
      return FaultCode.LCT_1;
    }
    long low = words[0];
    long high = words[1];
    faultsHidden = ContextEntry.FPD.in(low);
    if (!ContextEntry.P.in(low)) {
      return FaultCode.LCT_2;
    }
    if (((low & reserved.context) | (high & reserved.contextHigh)) != 0) {
      return FaultCode.LCT_3;
    }
    int type = (int) ContextEntry.TT.get(low);
    int aw = (int) ContextEntry.AW.get(high);
    boolean legal =
        switch (type) {
          case ContextEntry.TT_UNTRANSLATED -> unit.supportsWidth(aw);
          case ContextEntry.TT_DEVICE_TLB -> Ecap.DT.in(ecap) && unit.supportsWidth(aw);
          case ContextEntry.TT_PASS_THROUGH ->
              Ecap.PT.in(ecap) && unit.supportsWidth(aw) && aw == unit.widestSecondStage();
          default -> false;
        };
    if (!legal) {
      return FaultCode.LCT_4;
    }
    if (ofDeviceTlb && type != ContextEntry.TT_DEVICE_TLB) {
      return FaultCode.LCT_5;
    }
    plan.legacy = true;
    plainPasid = 0;
    plan.domainId = (int) ContextEntry.DID.get(high);
    plan.privileged = false;
    if (type == ContextEntry.TT_PASS_THROUGH) {
      plan.kind = VtdPlan.IDENTITY;
      plan.identityWidth = unit.inputWidth(aw);
      return 0;
    }
    plan.kind = VtdPlan.SECOND;
    planSecond(plan, aw, low & ContextEntry.SSPTPTR.mask());
    return 0;
  }

  private void planSecond(VtdPlan plan, int aw, long root) {
    plan.secondTable = reserved.secondTable;
    plan.secondPage = reserved.secondPage;
    plan.secondRoot = root;
    plan.secondLevels = aw + 2;
    plan.secondWidth = unit.inputWidth(aw);
    plan.secondFlags = false;
    plan.secondExecute = false;
  }

  private int resolveScalable(
      VtdPlan plan, int sourceId, int pasid, int access, boolean ofDeviceTlb) {
    plan.legacy = false;
    if (!read(config.rootTable, bus(sourceId), ROOT)) {
      return FaultCode.SRT_1;
    }
    // The upper half of the entry is laid out like the lower one.
    long root = words[function(sourceId) / CONTEXTS];
    if (!ScalableRootEntry.LP.in(root)) {
      return FaultCode.SRT_2;
    }
    if ((root & reserved.scalableRoot) != 0) {
      return FaultCode.SRT_3;
    }
    if (!read(root & ScalableRootEntry.LCTP.mask(), function(sourceId) % CONTEXTS, SCALABLE)) {
      return FaultCode.SCT_1;
    }
    long low = words[0];
    long high = words[1];
    faultsHidden = ScalableContextEntry.FPD.in(low);
    if (!ScalableContextEntry.P.in(low)) {
      return FaultCode.SCT_2;
    }
    if (anyReserved(reserved.scalableContext)) {
      return FaultCode.SCT_3;
    }
    if (ScalableContextEntry.PRE.in(low) && !ScalableContextEntry.DTE.in(low)) {
      return FaultCode.SCT_4;
    }
    if (ofDeviceTlb && !ScalableContextEntry.DTE.in(low)) {
      return FaultCode.SCT_5;
    }
    int directoryWidth = (int) ScalableContextEntry.PDTS.get(low) + 7 + TABLE_BITS;
    int index = pasid;
    if (pasid >= 0) {
      if (!ScalableContextEntry.PASIDE.in(low)) {
        return FaultCode.SCT_6;
      }
      if (pasid >>> directoryWidth != 0) {
        return FaultCode.SCT_7;
      }
      if (pasid >>> unit.pasidWidth() != 0) {
        return FaultCode.SGN_10;
      }
      plan.privileged = (access & Access.PRIVILEGED) != 0;
    } else {
      index = Ecap.RPS.in(ecap) ? (int) ScalableContextEntry.RID_PASID.get(high) : 0;
      plainPasid = index;
      if (index >>> directoryWidth != 0) {
        return FaultCode.SCT_9;
      }
      plan.privileged = Ecap.RPRIVS.in(ecap) && ScalableContextEntry.RID_PRIV.in(high);
    }
    if ((access & Access.TRANSLATED) != 0) {
      // Translated requests need no PASID structure.
      plan.kind = VtdPlan.IDENTITY;
      plan.identityWidth = unit.hostAddressWidth();
      return 0;
    }
    boolean execute = pasid >= 0 && (access & Access.EXECUTE) != 0;
    return resolvePasid(plan, low & ScalableContextEntry.PASIDDIRPTR.mask(), index, execute);
  }

  private boolean anyReserved(long[] masks) {
    long found = 0;
    for (int i = 0; i < masks.length; i++) {
      found |= words[i] & masks[i];
    }
    return found != 0;
  }

  private int resolvePasid(VtdPlan plan, long directory, int index, boolean execute) {
    if (!read(directory, index >>> TABLE_BITS, PasidDirectoryEntry.STRUCTURE)) {
      return FaultCode.SPD_1;
    }
    long entry = words[0];
    faultsHidden |= PasidDirectoryEntry.FPD.in(entry);
    if (!PasidDirectoryEntry.P.in(entry)) {
      return FaultCode.SPD_2;
    }
    if ((entry & reserved.pasidDirectory) != 0) {
      return FaultCode.SPD_3;
    }
    if (!read(entry & PasidDirectoryEntry.SMPTBLPTR.mask(), index & (1 << TABLE_BITS) - 1, PASID)) {
      return FaultCode.SPT_1;
    }
    faultsHidden |= PasidTableEntry.FPD.in(words[0]);
    if (!PasidTableEntry.P.in(words[0])) {
      return FaultCode.SPT_2;
    }
    int type = (int) PasidTableEntry.PGTT.get(words[0]);
    boolean second = type == PasidTableEntry.PGTT_SECOND || type == PasidTableEntry.PGTT_NESTED;
    boolean first = type == PasidTableEntry.PGTT_FIRST || type == PasidTableEntry.PGTT_NESTED;
    long beyond = 0;
    if (second) {
      beyond |= words[0] & PasidTableEntry.SSPTPTR.mask() & unit.beyondHost();
    }
    if (type == PasidTableEntry.PGTT_FIRST) {
      beyond |= words[2] & PasidTableEntry.FSPTPTR.mask() & unit.beyondHost();
    }
    if (beyond != 0 || anyReserved(reserved.pasidEntry)) {
      return FaultCode.SPT_3;
    }
    int aw = (int) PasidTableEntry.AW.get(words[0]);
    int mode = (int) PasidTableEntry.FSPM.get(words[2]);
    boolean legal =
        isOffered(type)
            && (!second || unit.supportsWidth(aw))
            && (!first || mode == 0 || mode == 1 && Cap.FS5LP.in(unit.cap()))
            && (type != PasidTableEntry.PGTT_PASS_THROUGH || isWidest(aw));
    if (!legal) {
      return FaultCode.SPT_4;
    }
    if (execute && !PasidTableEntry.ERE.in(words[2])) {
      return FaultCode.SPT_5;
    }
    if (plan.privileged && !PasidTableEntry.SRE.in(words[2])) {
      return FaultCode.SPT_6;
    }
    fill(plan, type, aw, mode);
    return 0;
  }

  private boolean isOffered(int type) {
    return switch (type) {
      case PasidTableEntry.PGTT_FIRST -> Ecap.FSTS.in(ecap);
      case PasidTableEntry.PGTT_SECOND -> Ecap.SSTS.in(ecap);
      case PasidTableEntry.PGTT_NESTED -> Ecap.NEST.in(ecap);
      case PasidTableEntry.PGTT_PASS_THROUGH -> Ecap.PT.in(ecap);
      default -> false;
    };
  }

  private boolean isWidest(int aw) {
    int widest = unit.widestSecondStage();
    return widest == 0 || aw == widest;
  }

  private void fill(VtdPlan plan, int type, int aw, int mode) {
    plan.domainId = (int) PasidTableEntry.DID.get(words[1]);
    plan.updates = PasidTableEntry.PWSNP.in(words[1]) || !Ecap.SMPWCS.in(ecap);
    plan.identityWidth = unit.hostAddressWidth();
    plan.kind =
        switch (type) {
          case PasidTableEntry.PGTT_FIRST -> VtdPlan.FIRST;
          case PasidTableEntry.PGTT_SECOND -> VtdPlan.SECOND;
          case PasidTableEntry.PGTT_NESTED -> VtdPlan.NESTED;
          default -> VtdPlan.IDENTITY;
        };
    if (plan.kind == VtdPlan.SECOND || plan.kind == VtdPlan.NESTED) {
      planSecond(plan, aw, words[0] & PasidTableEntry.SSPTPTR.mask());
      plan.secondFlags = PasidTableEntry.SSADE.in(words[0]);
      plan.secondExecute = PasidTableEntry.SSEE.in(words[0]);
    }
    if (plan.kind == VtdPlan.FIRST || plan.kind == VtdPlan.NESTED) {
      long control = words[2];
      plan.firstRoot = control & PasidTableEntry.FSPTPTR.mask();
      plan.firstLevels = 4 + mode;
      plan.noExecute = PasidTableEntry.NXE.in(control);
      plan.writeProtect = PasidTableEntry.WPE.in(control);
      plan.smep = PasidTableEntry.SMEP.in(control);
      boolean extended = PasidTableEntry.EAFE.in(control);
      plan.firstUsed = FirstStageEntry.A.mask() | (extended ? FirstStageEntry.EA.mask() : 0);
      boolean xdReserved = Ecap.ERS.in(ecap) && !plan.noExecute;
      plan.firstTable = xdReserved ? reserved.firstTableNoXd : reserved.firstTable;
      plan.firstPage = xdReserved ? reserved.firstPageNoXd : reserved.firstPage;
    }
  }
}
