package dev.nestwalk.smmu;

import dev.nestwalk.format.RegisterNames;
import java.util.Map;
import java.util.Objects;

/**
 * An SMMU's registers, decoded and checked once.
 *
 * <p>Threads: immutable.
 */
public final class SmmuConfig {
  /** The names of the registers in section 6.3, without the prefix SMMU_. */
  public static final RegisterNames REGISTERS =
      new RegisterNames(
          "SMMUv3",
          "IDR0 IDR1 IDR2 IDR3 IDR4 IDR5 IDR6 IIDR AIDR CR0 CR0ACK CR1 CR2 STATUSR GBPA AGBPA"
              + " IRQ_CTRL IRQ_CTRLACK GERROR GERRORN STRTAB_BASE STRTAB_BASE_CFG CMDQ_BASE"
              + " CMDQ_PROD CMDQ_CONS EVENTQ_BASE EVENTQ_PROD EVENTQ_CONS PRIQ_BASE PRIQ_PROD"
              + " PRIQ_CONS GATOS_CTRL GATOS_SID GATOS_ADDR GATOS_PAR VATOS_SEL MPAMIDR GMPAM"
              + " GBPMPAM DPTI_BASE DPTI_BASE_CFG DPT_BASE DPT_BASE_CFG DPT_CFG_FAR",
          "(GERROR|CMDQ|EVENTQ|PRIQ)_IRQ_CFG[0-2]|[SR]_\\w+|(ROOT|REALM)_\\w+|VATOS_\\w+"
              + "|(CMDQ|ECMDQ)\\w*_(CONTROL_PAGE_\\w+|(BASE|PROD|CONS)\\w*)|[PC]IDR[0-9]");

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
   *     STRTAB_BASE, STRTAB_BASE_CFG; other registers of the unit are accepted and ignored
   * @throws IllegalArgumentException for a missing register, an unknown name, a null value, or an
   *     impossible combination of capabilities
   */
  public static SmmuConfig of(Map<String, Long> registers) {
    REGISTERS.check(registers);
    return new SmmuConfig(registers);
  }

  /** The unit's capabilities. */
  public SmmuCapabilities capabilities() {
    return unit;
  }

  /** Whether EL2 has address spaces of its own (CR2.E2H). */
  public boolean isE2h() {
    return e2h;
  }

  /** Whether translation is on (CR0.SMMUEN). */
  public boolean isEnabled() {
    return enabled;
  }
}
