package dev.nestwalk.live;

import static java.util.Map.entry;

import java.util.Map;

/** The capabilities of a unit. A guest's driver decides by its capability registers what to use. */
public enum LiveMode {
  /** VT-d: root and context entries, second-stage tables. */
  LEGACY(LiveFormat.VTD, 0x00d2_008c_222f_0606L, 0xf0_0f42L),
  /** VT-d: scalable mode, first-stage tables; device TLBs, PASIDs, page requests. */
  SCALABLE(LiveFormat.VTD, 0x01d2_008c_222f_0606L, 0x8800_00f0_0f42L | Constants.SHARING),
  /** VT-d: scalable mode, second-stage tables only. */
  SCALABLE_SECOND(LiveFormat.VTD, 0x00d2_008c_222f_0606L, 0x4800_80f0_0f42L),
  /** VT-d: scalable mode, both stages and nesting; device TLBs, PASIDs, page requests. */
  SCALABLE_NESTED(LiveFormat.VTD, 0x01d2_008c_222f_0606L, 0x1_c800_04f0_0fc3L | Constants.SHARING),
  /** SMMUv3: stage 1 (and 2 for hypervisors); ATS, substreams. */
  STAGE1(LiveFormat.SMMUV3, 0xd44_301bL | Constants.ATS, 0x1404),
  /** SMMUv3: stage 2 only. */
  STAGE2(LiveFormat.SMMUV3, 0xd44_3019L, 0x1404),
  /**
   * SMMUv3: both stages, with everything that Linux requires before user programs may own stage 1.
   */
  STAGES_NESTED(LiveFormat.SMMUV3, 0xd44_301bL | Constants.ATS, 0x1504);

  /** A separate class, because an enum's constants cannot refer to its own static fields. */
  private static final class Constants {
    private static final long DEVICE_TLBS = 1 << 2;
    private static final long PAGE_REQUESTS = 1 << 29;
    private static final long DRAIN = 1L << 42;
    private static final long PASIDS = 1L << 40 | (Express.PASID_BITS - 1L) << 35;

    /** ECAP: DT, PRS, PASID with PSS, PDS. */
    static final long SHARING = DEVICE_TLBS | PAGE_REQUESTS | PASIDS | DRAIN;

    /** SMMU_IDR0.ATS. */
    static final long ATS = 1 << 10;

    /** SMMU_IDR1 with queues of 2^19 entries, StreamIDs of 16 bits. */
    static final long QUEUES = 0x273_0010L;

    /** SMMU_IDR1.SSIDSIZE. */
    static final long SUBSTREAMS = (long) Express.PASID_BITS << 6;

    private Constants() {}
  }

  private static final long FIVE_LEVELS_MASK = 0x1f_0f00L | 0x3f_0000L;
  private static final long FIVE_LEVELS = 0x38_0e00L;
  private static final long FIRST_STAGE_5 = 1L << 60;

  private final LiveFormat format;
  private final long first;
  private final long second;

  LiveMode(LiveFormat format, long first, long second) {
    this.format = format;
    this.first = first;
    this.second = second;
  }

  /** The format of the unit. */
  public LiveFormat format() {
    return format;
  }

  /**
   * Capability registers by architectural name.
   *
   * @param levels levels of the largest tables, 4 or 5 (VT-d only)
   */
  Map<String, Long> registers(int levels) {
    if (format == LiveFormat.SMMUV3) {
      return Map.ofEntries(
          entry("IDR0", first),
          entry("IDR1", Constants.QUEUES | (this == STAGE2 ? 0 : Constants.SUBSTREAMS)),
          entry("IDR3", second),
          entry("IDR5", 0x74L),
          entry("AIDR", 1L),
          entry("GBPA", 0x1000L));
    }
    long cap = first;
    if (levels == 5) {
      cap = cap & ~FIVE_LEVELS_MASK | FIVE_LEVELS; // MGAW 57 bits, SAGAW 39 to 57
      if (this == SCALABLE || this == SCALABLE_NESTED) {
        cap |= FIRST_STAGE_5;
      }
    }
    return Map.of("CAP", cap, "ECAP", second);
  }

  /** Additional words of Linux's command line. */
  String kernelWords(int levels) {
    if (format == LiveFormat.SMMUV3) {
      return "iommu.passthrough=0 iommu.strict=1";
    }
    // Linux gives up if a timer is late while it counts ticks, as an emulated one is on a busy
    // machine.
    String timer = " no_timer_check";
    String scalable = this == LEGACY ? "" : ",sm_on";
    String everywhere = levels == 5 ? " iommu.forcedac=1" : "";
    return "intel_iommu=on" + scalable + " iommu.passthrough=0 iommu.strict=1" + everywhere + timer;
  }
}
