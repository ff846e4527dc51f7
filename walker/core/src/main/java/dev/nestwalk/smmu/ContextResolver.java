package dev.nestwalk.smmu;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/** Resolves a SubstreamID to a checked CD (IHI 0070, 3.3.2, 5.3, 5.4). */
final class ContextResolver {
  private static final long CD_BYTES = ContextDescriptor.STRUCTURE.bytes();
  private static final long L1_BYTES = L1ContextDescriptor.STRUCTURE.bytes();

  private final SmmuCapabilities unit;
  private final GuestMemory memory;
  private final Stage2Walk second;
  private final SmmuFault fault;

  // The host address that reach() found.
  private long reached;

  ContextResolver(SmmuConfig config, GuestMemory memory, Stage2Walk second, SmmuFault fault) {
    this.unit = config.unit;
    this.memory = memory;
    this.second = second;
    this.fault = fault;
  }

  /**
   * Applies the rules of 3.3.2 that need no CD.
   *
   * @return the number of the CD, or a negated event number
   */
  int select(SmmuPlan plan, int substreamId) {
    boolean given = substreamId >= 0;
    if (!plan.stage1) {
      return given ? -EventCode.C_BAD_SUBSTREAMID : 0;
    }
    if (plan.contextBits == 0) {
      return given ? -EventCode.C_BAD_SUBSTREAMID : 0;
    }
    if (given) {
      if (substreamId >>> plan.contextBits != 0) {
        return -EventCode.C_BAD_SUBSTREAMID;
      }
      return substreamId == 0 && plan.defaultSubstream == SmmuPlan.SUBSTREAM_0
          ? -EventCode.F_STREAM_DISABLED
          : substreamId;
    }
    if (plan.defaultSubstream == SmmuPlan.BYPASS) {
      plan.stage1 = false;
      plan.bypassedStage1 = true;
      return 0;
    }
    return plan.defaultSubstream == SmmuPlan.SUBSTREAM_0 ? 0 : -EventCode.F_STREAM_DISABLED;
  }

  /** Log2 of the CDs that a leaf of the stream's CD table holds. */
  static int leafBits(SmmuPlan plan) {
    return switch (plan.contextFormat) {
      case SmmuPlan.LINEAR -> plan.contextBits;
      case SmmuPlan.LEAVES_4K -> 6;
      default -> 10;
    };
  }

  /**
   * Fetches and checks the CD with number {@code index}.
   *
   * @return 0 or a packed refusal
   */
  long resolve(SmmuPlan plan, int index) {
    long at =
        plan.contextTable
            & -CD_BYTES << (plan.contextFormat == SmmuPlan.LINEAR ? plan.contextBits : 0);
    if (plan.contextFormat == SmmuPlan.LINEAR) {
      at += index * CD_BYTES;
    } else {
      int leafBits = leafBits(plan);
      int upper = Math.max(0, plan.contextBits - leafBits);
      long table = plan.contextTable & -Math.max(CD_BYTES, L1_BYTES << upper);
      at = table + (index >>> leafBits) * L1_BYTES;
      long refusal = reach(plan, at);
      if (refusal != 0) {
        return refusal;
      }
      int run = memory.find(reached);
      if (run < 0) {
        return fault.fetch(EventCode.F_CD_FETCH, reached);
      }
      long descriptor = memory.load(run, reached);
      long leaf = descriptor & L1ContextDescriptor.L2PTR.mask();
      boolean beyond = !plan.stage2 && leaf >>> unit.outputSize() != 0;
      if (!L1ContextDescriptor.V.in(descriptor) || beyond) {
        return SmmuFault.config(EventCode.C_BAD_SUBSTREAMID);
      }
      at = (leaf & -(CD_BYTES << leafBits)) + (index & (1 << leafBits) - 1) * CD_BYTES;
    }
    long refusal = reach(plan, at);
    if (refusal != 0) {
      return refusal;
    }
    if (!Words.read(memory, reached, ContextDescriptor.STRUCTURE.words(), plan.context)) {
      return fault.fetch(EventCode.F_CD_FETCH, reached);
    }
    return decode(plan, plan.context[0], plan.context[1], plan.context[2])
        ? 0
        : SmmuFault.config(EventCode.C_BAD_CD);
  }

  /**
   * Takes the address of a CD or L1CD through stage 2 if that is on.
   *
   * @return 0 or a packed refusal
   */
  private long reach(SmmuPlan plan, long at) {
    reached = at;
    if (plan.stage2) {
      long answer = second.walk(plan, at, Stage2Walk.READ, SmmuFault.CD);
      if (Translation.isFault(answer)) {
        return answer;
      }
      long refusal = second.commit(plan, false, SmmuFault.CD, at);
      if (refusal != 0) {
        return refusal;
      }
      reached = Translation.address(answer);
    }
    return 0;
  }

  private boolean decode(SmmuPlan plan, long w0, long w1, long w2) {
    boolean stalls = ContextDescriptor.S.in(w0);
    boolean ha = ContextDescriptor.HA.in(w0);
    boolean hd = ContextDescriptor.HD.in(w0);
    boolean big = ContextDescriptor.ENDI.in(w0);
    // Only regimes with two ranges have EPD0. The others always walk TTB0 and never TTB1.
    plan.lowerOff = plan.twoPrivileges && ContextDescriptor.EPD0.in(w0);
    plan.upperOff = !plan.twoPrivileges || ContextDescriptor.EPD1.in(w0);
    boolean legal = ContextDescriptor.V.in(w0) && ContextDescriptor.AA64.in(w0);
    legal &= !stalls || !plan.stallDisabled && unit.stallModel() != 1;
    legal &= stalls || unit.stallModel() != 2;
    legal &= !Idr0.TERM_MODEL.in(unit.idr0()) || ContextDescriptor.A.in(w0);
    legal &= StreamResolver.isEndianLegal(unit, big) || plan.lowerOff && plan.upperOff;
    legal &= !(ha || hd) || unit.httu() != 0;
    legal &= !hd || unit.httu() != 1;
    plan.asid = (int) ContextDescriptor.ASID.get(w0);
    legal &= !plan.twoPrivileges || Idr0.ASID16.in(unit.idr0()) || plan.asid <= 0xff;
    // The effective IPS is bounded by OAS, not by IAS, in nested configurations too (5.4 IPS).
    int size = Math.min(SmmuCapabilities.size(ContextDescriptor.IPS.get(w0)), unit.outputSize());
    boolean ds = unit.hasDs() && ContextDescriptor.DS.in(w2);
    legal &= plan.lowerOff || lower(plan.lower, w0, w1, ds, size, big);
    legal &= plan.upperOff || upper(plan.upper, w0, w2, ds, size, big);
    flags(plan, w0, w1, w2);
    plan.stalls = stalls;
    plan.ha = ha;
    plan.hd = ha && hd;
    return legal;
  }

  private void flags(SmmuPlan plan, long w0, long w1, long w2) {
    boolean had = Idr3.HAD.in(unit.idr3());
    boolean e0pd = Idr3.E0PD.in(unit.idr3()) && plan.twoPrivileges;
    plan.lowerTopByteIgnored = ContextDescriptor.TBI0.in(w0);
    plan.upperTopByteIgnored = ContextDescriptor.TBI1.in(w0);
    plan.lowerFlat = had && ContextDescriptor.HAD0.in(w1);
    plan.upperFlat = had && ContextDescriptor.HAD1.in(w2);
    plan.lowerNoUser = e0pd && ContextDescriptor.E0PD0.in(w1);
    plan.upperNoUser = e0pd && ContextDescriptor.E0PD1.in(w2);
    plan.accessFlagFaults = !ContextDescriptor.AFFD.in(w0);
    plan.writeNeverExecute = ContextDescriptor.WXN.in(w0);
    plan.privilegedNever = plan.twoPrivileges && ContextDescriptor.PAN.in(w0);
    plan.records = ContextDescriptor.R.in(w0);
  }

  private boolean lower(Regime regime, long w0, long w1, boolean ds, int size, boolean big) {
    int granule = ContextDescriptor.lowerGranule(w0);
    regime.bigEndian = big;
    int unused = (int) ContextDescriptor.T0SZ.get(w0);
    return geometry(regime, granule, unused, w1 & ContextDescriptor.TTB0.mask(), ds, size);
  }

  private boolean upper(Regime regime, long w0, long w2, boolean ds, int size, boolean big) {
    int granule = ContextDescriptor.upperGranule(w0);
    regime.bigEndian = big;
    int unused = (int) ContextDescriptor.T1SZ.get(w0);
    return geometry(regime, granule, unused, w2 & ContextDescriptor.TTB1.mask(), ds, size);
  }

  private boolean geometry(
      Regime regime, int granule, int unusedBits, long base, boolean ds, int output) {
    if (!unit.hasGranule(granule)) {
      return false;
    }
    regime.granule(granule, ds, unit.has52BitOutput());
    boolean wide = unit.has52BitInput() && (granule == 16 || ds);
    if (unusedBits < SmmuCapabilities.leastUnusedBits(wide)
        || unusedBits > unit.mostUnusedBits(granule)) {
      return false;
    }
    regime.inputBits = 64 - unusedBits;
    regime.start = 3 - (regime.inputBits - 1 - granule) / regime.stride;
    regime.output(output);
    regime.base(base);
    return base >>> regime.outputBits == 0;
  }
}
