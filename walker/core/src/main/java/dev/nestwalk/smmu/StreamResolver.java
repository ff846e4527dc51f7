package dev.nestwalk.smmu;

import dev.nestwalk.memory.GuestMemory;

/** Resolves a StreamID to a checked STE (IHI 0070, 3.3.1, 5.1, 5.2). */
final class StreamResolver {
  /** Result of {@link #resolve}: abort without an event. */
  static final int ABORT = -1;

  private final SmmuConfig config;
  private final SmmuCapabilities unit;
  private final GuestMemory memory;
  private final SmmuFault fault;

  StreamResolver(SmmuConfig config, GuestMemory memory, SmmuFault fault) {
    this.config = config;
    this.unit = config.unit;
    this.memory = memory;
    this.fault = fault;
  }

  // Values of IDR0.TTENDIAN for units with one byte order.
  private static final int LITTLE_ENDIAN = 2;
  private static final int BIG_ENDIAN = 3;

  /**
   * Resolves a stream.
   *
   * @return 0, {@link #ABORT} or the event number
   */
  int resolve(SmmuPlan plan, int streamId) {
    long id = Integer.toUnsignedLong(streamId);
    if (id >>> config.streamIdBits != 0) {
      return EventCode.C_BAD_STREAMID;
    }
    long entry = config.table + id * StreamTableEntry.STRUCTURE.bytes();
    if (config.twoLevel) {
      long at = config.table + (id >>> config.split) * L1StreamDescriptor.STRUCTURE.bytes();
      int run = memory.find(at);
      if (run < 0) {
        fault.address = at;
        return EventCode.F_STE_FETCH;
      }
      long descriptor = memory.load(run, at);
      int span = (int) L1StreamDescriptor.SPAN.get(descriptor);
      long index = id & (1L << config.split) - 1;
      boolean legal = span != 0 && span <= config.split + 1;
      if (!legal || index >>> (span - 1) != 0) {
        return EventCode.C_BAD_STREAMID;
      }
      int size = StreamTableEntry.STRUCTURE.bytes();
      long table = descriptor & L1StreamDescriptor.L2PTR.mask() & -((long) size << span - 1);
      entry = table + index * size;
    }
    return check(plan, entry);
  }

  private int check(SmmuPlan plan, long at) {
    if (!Words.read(memory, at, StreamTableEntry.STRUCTURE.words(), plan.stream)) {
      fault.address = at;
      return EventCode.F_STE_FETCH;
    }
    long w0 = plan.stream[0];
    long w1 = plan.stream[1];
    long w2 = plan.stream[2];
    long w3 = plan.stream[3];
    if (!StreamTableEntry.V.in(w0)) {
      return EventCode.C_BAD_STE;
    }
    int mode = (int) StreamTableEntry.CONFIG.get(w0);
    if ((mode & 4) == 0) {
      return ABORT;
    }
    plan.stage1 = (mode & 1) != 0;
    plan.stage2 = (mode & 2) != 0;
    plan.nested = mode == 7;
    plan.bypassedStage1 = false;
    plan.defaultSubstream = (int) StreamTableEntry.S1DSS.get(w1);
    boolean illegal = plan.stage1 && !unit.hasStage1() || plan.stage2 && !unit.hasStage2();
    illegal |= !isAtsLegal(plan, w1, w2);
    boolean overrides = Idr1.ATTR_PERMS_OVR.in(unit.idr1());
    plan.privilege = overrides ? (int) StreamTableEntry.PRIVCFG.get(w1) : 0;
    plan.instruction = overrides ? (int) StreamTableEntry.INSTCFG.get(w1) : 0;
    plan.vmid = (int) StreamTableEntry.S2VMID.get(w2);
    illegal |= !decodeWorld(plan, w1);
    illegal |= plan.stage1 && !decodeStage1(plan, w0, w1);
    illegal |= plan.stage2 && !decodeStage2(plan, w1, w2, w3);
    boolean tagged = mode != 4 && plan.twoPrivileges && !(config.e2h && isEl2(plan, w1));
    illegal |= tagged && unit.hasStage2() && !Idr0.VMID16.in(unit.idr0()) && plan.vmid > 0xff;
    return illegal ? EventCode.C_BAD_STE : 0;
  }

  private boolean isAtsLegal(SmmuPlan plan, long w1, long w2) {
    plan.ats = 0;
    if (!Idr0.ATS.in(unit.idr0())) {
      return true;
    }
    int eats = (int) StreamTableEntry.EATS.get(w1);
    boolean stalls = StreamTableEntry.S2S.in(w2);
    boolean bypass = !plan.stage1 && !plan.stage2;
    // Split-stage ATS requires checks of translated requests; 11 is reserved without DPT.
    boolean off = bypass || eats == 3 || eats == 2 && !config.checksTranslated;
    plan.ats = off ? 0 : eats;
    if (eats == 2 && !bypass) {
      return plan.nested && !stalls && !Idr0.NS1ATS.in(unit.idr0());
    }
    return eats != 1 || !plan.stage2 || !stalls;
  }

  boolean isEl2(SmmuPlan plan, long w1) {
    boolean used = plan.stage1 && !plan.stage2 && Idr0.HYP.in(unit.idr0());
    return used && StreamTableEntry.STRW.get(w1) == 2;
  }

  private boolean decodeWorld(SmmuPlan plan, long w1) {
    boolean used = plan.stage1 && !plan.stage2 && Idr0.HYP.in(unit.idr0());
    plan.twoPrivileges = !isEl2(plan, w1) || config.e2h;
    return !used || (StreamTableEntry.STRW.get(w1) & 1) == 0;
  }

  private boolean decodeStage1(SmmuPlan plan, long w0, long w1) {
    int substreams = unit.substreamIdBits();
    int bits = (int) StreamTableEntry.S1CDMAX.get(w0);
    int format = (int) StreamTableEntry.S1FMT.get(w0);
    plan.contextBits = substreams == 0 ? 0 : bits;
    plan.contextFormat = plan.contextBits == 0 || format == 3 ? SmmuPlan.LINEAR : format;
    plan.contextTable = w0 & StreamTableEntry.S1CONTEXTPTR.mask();
    plan.stallDisabled = StreamTableEntry.S1STALLD.in(w1);
    boolean legal = !plan.stallDisabled || unit.stallModel() == 0;
    legal &= plan.contextBits <= substreams;
    legal &= plan.contextFormat == SmmuPlan.LINEAR || Idr0.CD2L.in(unit.idr0());
    legal &= plan.stage2 || plan.contextTable >>> unit.outputSize() == 0;
    return legal;
  }

  private boolean decodeStage2(SmmuPlan plan, long w1, long w2, long w3) {
    boolean stalls = StreamTableEntry.S2S.in(w2);
    boolean ha = StreamTableEntry.S2HA.in(w2);
    boolean hd = StreamTableEntry.S2HD.in(w2);
    boolean big = StreamTableEntry.S2ENDI.in(w2);
    boolean legal = StreamTableEntry.S2AA64.in(w2);
    legal &= !(stalls && unit.stallModel() == 1) && !(!stalls && unit.stallModel() == 2);
    legal &= !(ha || hd) || unit.httu() != 0;
    legal &= !hd || unit.httu() != 1;
    legal &= isEndianLegal(unit, big);
    plan.secondStalls = stalls;
    plan.secondRecords = StreamTableEntry.S2R.in(w2);
    plan.secondHa = ha;
    plan.secondHd = ha && hd;
    plan.secondAccessFlagFaults = !StreamTableEntry.S2AFFD.in(w2);
    plan.protectedWalk = plan.nested && StreamTableEntry.S2PTW.in(w2);
    plan.forcedWriteBack = Idr3.FWB.in(unit.idr3()) && StreamTableEntry.S2FWB.in(w1);
    plan.second.bigEndian = big;
    return legal && secondGeometry(plan.second, w2, w3);
  }

  static boolean isEndianLegal(SmmuCapabilities unit, boolean big) {
    long endian = Idr0.TTENDIAN.get(unit.idr0());
    return big ? endian != LITTLE_ENDIAN : endian != BIG_ENDIAN;
  }

  private boolean secondGeometry(Regime regime, long w2, long w3) {
    int granule = StreamTableEntry.granule(w2);
    if (!unit.hasGranule(granule)) {
      return false;
    }
    boolean ds = unit.hasDs() && StreamTableEntry.S2DS.in(w3);
    regime.granule(granule, ds, unit.has52BitOutput());
    int size = (int) StreamTableEntry.S2T0SZ.get(w2);
    int least =
        Math.max(
            SmmuCapabilities.leastUnusedBits(granule == 16 || ds), 64 - unit.intermediateSize());
    int high = granule == 12 && ds && StreamTableEntry.S2SL0_2.in(w3) ? 4 : 0;
    int start = secondStart(granule, (int) StreamTableEntry.S2SL0.get(w2) | high, ds);
    if (size < least || size > unit.mostUnusedBits(granule) || start > 3) {
      return false;
    }
    regime.start = start;
    regime.inputBits = 64 - size;
    int lsb = regime.lsb(start);
    if (regime.inputBits < lsb + 1 || regime.inputBits > lsb + regime.stride + 4) {
      return false;
    }
    regime.output(
        Math.min(SmmuCapabilities.size(StreamTableEntry.S2PS.get(w2)), unit.outputSize()));
    long base = w3 & StreamTableEntry.S2TTB.mask();
    regime.base(base);
    return base >>> regime.outputBits == 0;
  }

  /** Start level of stage 2, or 9 where S2SL0 is reserved or needs larger addresses (D8.1). */
  private int secondStart(int granule, int sl0, boolean ds) {
    int size = unit.outputSize();
    return switch (granule) {
      case 12 ->
          switch (sl0) {
            case 0 -> 2;
            case 1 -> 1;
            case 2 -> size >= 44 ? 0 : 9;
            case 3 -> unit.hasSmallTables() ? 3 : 9;
            case 4 -> size >= 52 ? -1 : 9;
            default -> 9;
          };
      case 14 ->
          switch (sl0) {
            case 0 -> 3;
            case 1 -> 2;
            case 2 -> size >= 42 ? 1 : 9;
            case 3 -> ds && size >= 52 ? 0 : 9;
            default -> 9;
          };
      default ->
          switch (sl0) {
            case 0 -> 3;
            case 1 -> 2;
            case 2 -> size >= 44 ? 1 : 9;
            default -> 9;
          };
    };
  }
}
