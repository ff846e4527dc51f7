package dev.nestwalk;

import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.smmu.Command;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr3;
import dev.nestwalk.smmu.SmmuCapabilities;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuPlan;
import java.util.function.Supplier;

/**
 * Invalidations of an SMMUv3 (IHI 0070, 4.3, 4.4): one method per architectural granularity, and
 * {@link #submit} for commands as software queues them. They take effect in the order of the calls;
 * {@code Iommu.sync()} stands for CMD_SYNC and waits until all translators have applied them.
 *
 * <p>More may be dropped than asked for, which the architecture always permits. An invalidation by
 * intermediate address drops all translations of that VMID that went through stage 1, because the
 * cache does not record the intermediate address behind a combined translation.
 *
 * <p>Threads: any. Nothing is allocated.
 */
public final class SmmuInvalidations {
  /** The command was carried out. */
  public static final int DONE = 0;

  /** CMDQ_CONS.ERR: CERROR_ILL. */
  public static final int ILLEGAL = 1;

  private static final int MAX_SCALE = 39;

  private final Supplier<SmmuConfig> config;
  private final InvalidationLog log;

  /**
   * Invalidations that are written to {@code log}, interpreted under the registers now in force.
   */
  SmmuInvalidations(Supplier<SmmuConfig> config, InvalidationLog log) {
    this.config = config;
    this.log = log;
  }

  private SmmuCapabilities unit() {
    return config.get().capabilities();
  }

  /** CMD_CFGI_STE: the STE of a stream and its CDs. */
  public void configStream(int streamId) {
    log.configurationsOf(streamId, 0);
  }

  /**
   * CMD_CFGI_STE_RANGE.
   *
   * @param range the command covers 2^(range + 1) StreamIDs, aligned to that number; 31 is
   *     CMD_CFGI_ALL
   */
  public void configStreams(int streamId, int range) {
    if ((range & 31) == 31) {
      log.configurations();
    } else {
      log.configurationsOf(streamId, (2 << (range & 31)) - 1);
    }
  }

  /** CMD_CFGI_CD. */
  public void configContext(int streamId, int substreamId) {
    log.configuration(streamId, substreamId & 0xf_ffff);
  }

  /** CMD_CFGI_CD_ALL. */
  public void configContexts(int streamId) {
    configStream(streamId);
  }

  /** CMD_CFGI_ALL. */
  public void configAll() {
    log.configurations();
  }

  /** CMD_TLBI_NH_ALL: stage 1 and combined translations of a VMID. */
  public void stage1All(int vmid) {
    log.firstStage(vmid(vmid));
  }

  /** CMD_TLBI_NH_ASID. */
  public void stage1Asid(int vmid, int asid) {
    log.process(vmid(vmid), asid & 0xffff);
  }

  /** CMD_TLBI_NH_VA: {@code [first, last]} of an ASID, and global translations in that range. */
  public void stage1Range(int vmid, int asid, long first, long last, boolean leafOnly) {
    log.firstRange(vmid(vmid), asid & 0xffff, first, last, leafOnly);
  }

  /** CMD_TLBI_NH_VAA: {@code [first, last]} of every ASID. */
  public void stage1RangeOfAll(int vmid, long first, long last, boolean leafOnly) {
    log.firstRange(vmid(vmid), -1, first, last, leafOnly);
  }

  /** CMD_TLBI_EL2_ALL. */
  public void el2All() {
    log.firstStage(SmmuPlan.EL2);
  }

  /** CMD_TLBI_EL2_ASID. */
  public void el2Asid(int asid) {
    log.process(SmmuPlan.EL2, asid & 0xffff);
  }

  /** CMD_TLBI_EL2_VA; without E2H, where EL2 has no ASIDs, CMD_TLBI_EL2_VAA. */
  public void el2Range(int asid, long first, long last, boolean leafOnly) {
    log.firstRange(SmmuPlan.EL2, config.get().isE2h() ? asid & 0xffff : -1, first, last, leafOnly);
  }

  /** CMD_TLBI_EL2_VAA. */
  public void el2RangeOfAll(long first, long last, boolean leafOnly) {
    log.firstRange(SmmuPlan.EL2, -1, first, last, leafOnly);
  }

  /** CMD_TLBI_S12_VMALL: everything of a VMID. */
  public void vmidAll(int vmid) {
    log.domain(vmid(vmid));
  }

  /** CMD_TLBI_S2_IPA. */
  public void stage2Range(int vmid, long first, long last, boolean leafOnly) {
    log.secondRange(vmid(vmid), first, last, leafOnly);
  }

  /** CMD_TLBI_NSNH_ALL; it covers the EL2 regimes as well. */
  public void all() {
    log.everything();
  }

  /** Units without stage 2 ignore the VMID of a command, as they ignore that of an STE. */
  private int vmid(int vmid) {
    return vmid & 0xffff;
  }

  /**
   * Carries out a command.
   *
   * @return {@link #DONE}, or {@link #ILLEGAL} as CMDQ_CONS.ERR reports it; nothing is dropped in
   *     that case
   */
  public int submit(long w0, long w1) {
    long idr0 = unit().idr0();
    if (Command.SSEC.in(w0)) {
      return ILLEGAL;
    }
    int opcode = (int) Command.OPCODE.get(w0);
    boolean legal =
        switch (opcode) {
          case Command.CFGI_STE,
              Command.CFGI_STE_RANGE,
              Command.CFGI_CD,
              Command.CFGI_CD_ALL,
              Command.CFGI_VMS_PIDM ->
              configuration(opcode, w0, w1);
          case Command.TLBI_NH_ALL, Command.TLBI_NH_ASID, Command.TLBI_NH_VA, Command.TLBI_NH_VAA ->
              unit().hasStage1() && stage1(opcode, w0, w1);
          case Command.TLBI_EL2_ALL,
              Command.TLBI_EL2_ASID,
              Command.TLBI_EL2_VA,
              Command.TLBI_EL2_VAA ->
              Idr0.HYP.in(idr0) && el2(opcode, w0, w1);
          case Command.TLBI_S12_VMALL, Command.TLBI_S2_IPA ->
              unit().hasStage2() && stage2(opcode, w0, w1);
          case Command.TLBI_NSNH_ALL -> {
            all();
            yield true;
          }
          case Command.ATC_INV -> Idr0.ATS.in(idr0);
          case Command.PRI_RESP -> Idr0.PRI.in(idr0) && Command.RESP.get(w1) != 3;
          case Command.PREFETCH_CONFIG, Command.PREFETCH_ADDR -> true;
          case Command.RESUME, Command.STALL_TERM -> unit().stallModel() != 1;
          case Command.SYNC -> Command.CS.get(w0) != 3;
          default -> false;
        };
    return legal ? DONE : ILLEGAL;
  }

  private boolean configuration(int opcode, long w0, long w1) {
    int stream = (int) Command.SID.get(w0);
    switch (opcode) {
      case Command.CFGI_STE -> configStream(stream);
      case Command.CFGI_STE_RANGE -> configStreams(stream, (int) Command.RANGE.get(w1));
      case Command.CFGI_CD, Command.CFGI_CD_ALL -> {
        if (!unit().hasStage1()) {
          return false;
        }
        if (opcode == Command.CFGI_CD) {
          configContext(stream, (int) Command.SSID.get(w0));
        } else {
          configContexts(stream);
        }
      }
      default -> {
        if (!Idr3.MPAM.in(unit().idr3())) {
          return false;
        }
        configAll();
      }
    }
    return true;
  }

  private boolean stage1(int opcode, long w0, long w1) {
    if (!isRangeLegal(w0, w1, opcode >= Command.TLBI_NH_VA)) {
      return false;
    }
    if (!unit().hasStage2()) {
      // Without stage 2 the VMID is ignored here as it is in STEs, so guests cannot be told apart.
      all();
      return true;
    }
    int vmid = (int) Command.VMID.get(w0);
    int asid = (int) Command.ASID.get(w0);
    boolean leaf = Command.LEAF.in(w1);
    switch (opcode) {
      case Command.TLBI_NH_ALL -> stage1All(vmid);
      case Command.TLBI_NH_ASID -> stage1Asid(vmid, asid);
      default -> {
        long first = first(w1);
        long last = last(w0, w1, first);
        if (opcode == Command.TLBI_NH_VA) {
          stage1Range(vmid, asid, first, last, leaf);
        } else {
          stage1RangeOfAll(vmid, first, last, leaf);
        }
      }
    }
    return true;
  }

  private boolean el2(int opcode, long w0, long w1) {
    boolean leaf = Command.LEAF.in(w1);
    switch (opcode) {
      case Command.TLBI_EL2_ALL -> el2All();
      case Command.TLBI_EL2_ASID -> el2Asid((int) Command.ASID.get(w0));
      default -> {
        if (!isRangeLegal(w0, w1, true)) {
          return false;
        }
        long first = first(w1);
        long last = last(w0, w1, first);
        if (opcode == Command.TLBI_EL2_VA) {
          el2Range((int) Command.ASID.get(w0), first, last, leaf);
        } else {
          el2RangeOfAll(first, last, leaf);
        }
      }
    }
    return true;
  }

  private boolean stage2(int opcode, long w0, long w1) {
    int vmid = (int) Command.VMID.get(w0);
    if (opcode == Command.TLBI_S12_VMALL) {
      vmidAll(vmid);
      return true;
    }
    if (!isRangeLegal(w0, w1, true)) {
      return false;
    }
    long ipa = w1 & (1L << 52) - 1;
    long first = first(ipa | w1 & Command.TG.mask());
    stage2Range(vmid, first, last(w0, w1, first), Command.LEAF.in(w1));
    return true;
  }

  /** Whether the range fields are legal (4.4.1.1): all zero without TG, not all zero with TG. */
  private boolean isRangeLegal(long w0, long w1, boolean ranged) {
    if (!ranged || !hasRanges()) {
      return true;
    }
    long fields = Command.NUM.get(w0) | scale(w0) | ttl(w1);
    return Command.TG.get(w1) == 0 || fields != 0;
  }

  /** TTL where it has a meaning: a 16K granule without DS has no leaf at level 1. */
  private long ttl(long w1) {
    long ttl = Command.TTL.get(w1);
    return Command.TG.get(w1) == 2 && ttl == 1 && !unit().hasDs() ? 0 : ttl;
  }

  private boolean hasRanges() {
    return Idr3.RIL.in(unit().idr3());
  }

  private long first(long w1) {
    long first = w1 & Command.ADDRESS.mask();
    return hasRanges() && Command.TG.get(w1) != 0 ? first & -(1L << granule(w1)) : first;
  }

  private long last(long w0, long w1, long first) {
    if (!hasRanges() || Command.TG.get(w1) == 0) {
      return first | 0xfff;
    }
    int shift = scale(w0) + granule(w1);
    long count = Command.NUM.get(w0) + 1;
    long last = first + (count << shift) - 1;
    return Long.compareUnsigned(last, first) < 0 ? -1 : last;
  }

  /** SCALE, which has 5 bits without DS, and values beyond 39 are taken as 39 (4.4.1.1). */
  private int scale(long w0) {
    int scale = (int) Command.SCALE.get(w0);
    return unit().hasDs() ? Math.min(MAX_SCALE, scale) : scale & 31;
  }

  private static int granule(long w1) {
    return 10 + 2 * (int) Command.TG.get(w1);
  }
}
