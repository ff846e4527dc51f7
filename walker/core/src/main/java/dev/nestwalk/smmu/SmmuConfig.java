package dev.nestwalk.smmu;

import java.util.Map;
import java.util.Objects;

/**
 * An SMMU's registers, decoded and checked once.
 *
 * <p>Threads: immutable.
 */
public final class SmmuConfig {
  final SmmuCapabilities unit;
  final boolean enabled;
  final boolean recordsEvents;
  final boolean checksTranslated;
  final boolean recordsBadStreamId;
  final boolean recordsAtsErrors;
  final boolean e2h;
  final boolean bypassAborts;
  final int streamIdBits;
  final int split;
  final boolean twoLevel;
  final long table;

  private SmmuConfig(Map<String, Long> registers) {
    unit = SmmuCapabilities.of(registers);
    long cr0 = SmmuCapabilities.register(registers, "CR0");
    enabled = Cr0.SMMUEN.in(cr0);
    recordsEvents = Cr0.EVENTQEN.in(cr0);
    checksTranslated = Cr0.ATSCHK.in(cr0);
    long cr2 = optional(registers, "CR2");
    e2h = Cr2.E2H.in(cr2);
    recordsBadStreamId = Cr2.RECINVSID.in(cr2);
    recordsAtsErrors = Idr0.ATSRECERR.in(unit.idr0()) && Cr2.REC_CFG_ATS.in(cr2);
    bypassAborts = Gbpa.ABORT.in(optional(registers, "GBPA"));
    long config = optional(registers, "STRTAB_BASE_CFG");
    int size = (int) StreamTableConfig.LOG2SIZE.get(config);
    streamIdBits = Math.min(size, unit.streamIdBits());
    int asked = (int) StreamTableConfig.SPLIT.get(config);
    split = asked == 8 || asked == 10 ? asked : 6;
    twoLevel = StreamTableConfig.FMT.get(config) == 1 && Idr0.ST_LEVEL.get(unit.idr0()) == 1;
    long address = optional(registers, "STRTAB_BASE") & StreamTableBase.ADDR.mask();
    int aligned = twoLevel ? Math.max(5, size - split - 1 + 3) : Math.min(62, size + 5);
    table = address & -2L << aligned;
  }

  private static long optional(Map<String, Long> registers, String name) {
    return Objects.requireNonNullElse(registers.get(name), 0L);
  }

  /**
   * Decodes register values.
   *
   * @param registers by architectural name: IDR0, IDR1, IDR5, CR0; optional IDR3, CR2, GBPA,
   *     STRTAB_BASE, STRTAB_BASE_CFG; others are ignored
   * @throws IllegalArgumentException for a missing register or an impossible set of capabilities
   */
  public static SmmuConfig of(Map<String, Long> registers) {
    return new SmmuConfig(registers);
  }

  /** What the unit can do. */
  public SmmuCapabilities capabilities() {
    return unit;
  }

  /** Whether translation is on (CR0.SMMUEN). */
  public boolean isEnabled() {
    return enabled;
  }
}
