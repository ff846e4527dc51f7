package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Extended capability register, offset 0x10 (VT-d 11.4.3). */
public final class Ecap {
  /** Queued invalidation. */
  public static final Field QI = Field.bit("QI", 1, "invalidation queue");

  /** Device-TLB. */
  public static final Field DT = Field.bit("DT", 2, "device-TLBs: TT=01b and DTE are legal");

  /** Interrupt remapping. */
  public static final Field IR = Field.bit("IR", 3, "interrupt remapping");

  /** Extended interrupt mode. */
  public static final Field EIM =
      Field.bit("EIM", 4, "extended interrupt mode: 32-bit APIC ids, upper message addresses");

  /** Pass-through. */
  public static final Field PT = Field.bit("PT", 6, "pass-through: TT=10b, PGTT=100b are legal");

  /** Snoop control. */
  public static final Field SC = Field.bit("SC", 7, "snoop control: SNP and PGSNP are legal");

  /** Place of the IOTLB registers. */
  public static final Field IRO = Field.of("IRO", 17, 8, "IVA and IOTLB are at offset 16 * IRO");

  /** Memory types. */
  public static final Field MTS = Field.bit("MTS", 25, "memory-type fields are legal");

  /** Nested translation. */
  public static final Field NEST = Field.bit("NEST", 26, "nested translation: PGTT=011b is legal");

  /** Page requests. */
  public static final Field PRS = Field.bit("PRS", 29, "page requests: PRE is legal");

  /** Execute requests. */
  public static final Field ERS =
      Field.bit("ERS", 30, "execute requests: ERE, NXE, SMEP, SSEE are legal");

  /** Supervisor requests. */
  public static final Field SRS = Field.bit("SRS", 31, "supervisor requests: SRE is legal");

  /** No-Write flag. */
  public static final Field NWFS =
      Field.bit("NWFS", 33, "the No-Write flag of translation requests counts");

  /** Extended accessed flag. */
  public static final Field EAFS = Field.bit("EAFS", 34, "extended accessed flag: EAFE is legal");

  /** PASID width. */
  public static final Field PSS = Field.of("PSS", 39, 35, "PASIDs have PSS + 1 bits");

  /** Requests with PASID. */
  public static final Field PASID = Field.bit("PASID", 40, "requests with PASID: PASIDE is legal");

  /** Device-TLB invalidation throttling. */
  public static final Field DIT =
      Field.bit("DIT", 41, "device-TLB invalidations are throttled: PFSID is legal");

  /** Page request draining. */
  public static final Field PDS = Field.bit("PDS", 42, "page request draining: PD is legal");

  /** Scalable mode. */
  public static final Field SMTS = Field.bit("SMTS", 43, "scalable mode: TTM=01b is legal");

  /** Second-stage accessed and dirty flags. */
  public static final Field SSADS =
      Field.bit("SSADS", 45, "second-stage accessed/dirty flags: SSADE is legal");

  /** Second-stage translation in scalable mode. */
  public static final Field SSTS = Field.bit("SSTS", 46, "second stage: PGTT=010b is legal");

  /** First-stage translation. */
  public static final Field FSTS = Field.bit("FSTS", 47, "first stage: PGTT=001b is legal");

  /** Scalable-mode page-walk coherency. */
  public static final Field SMPWCS =
      Field.bit("SMPWCS", 48, "scalable-mode page-walk coherency: PWSNP is legal");

  /** RID_PASID. */
  public static final Field RPS = Field.bit("RPS", 49, "RID_PASID is legal; else it is PASID 0");

  /** Abort-DMA mode. */
  public static final Field ADMS = Field.bit("ADMS", 52, "abort-DMA mode: TTM=11b is legal");

  /** RID_PRIV. */
  public static final Field RPRIVS = Field.bit("RPRIVS", 53, "RID_PRIV is legal");

  /** The register; other fields are of features that no unit here has. */
  public static final Structure STRUCTURE =
      Structure.of(
          "ECAP",
          "VT-d 11.4.3",
          1,
          QI,
          DT,
          IR,
          EIM,
          PT,
          SC,
          IRO,
          MTS,
          NEST,
          PRS,
          ERS,
          SRS,
          NWFS,
          EAFS,
          PSS,
          PASID,
          DIT,
          PDS,
          SMTS,
          SSADS,
          SSTS,
          FSTS,
          SMPWCS,
          RPS,
          ADMS,
          RPRIVS);

  private Ecap() {}
}
