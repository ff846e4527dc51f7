package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** PASID table entry (VT-d 9.6), 64 bytes, one per PASID. */
public final class PasidTableEntry {
  /** {@link #PGTT}: first stage only. */
  public static final int PGTT_FIRST = 1;

  /** {@link #PGTT}: second stage only. */
  public static final int PGTT_SECOND = 2;

  /** {@link #PGTT}: first stage over second stage. */
  public static final int PGTT_NESTED = 3;

  /** {@link #PGTT}: pass-through. */
  public static final int PGTT_PASS_THROUGH = 4;

  /** Present. */
  public static final Field P = Field.bit("P", 0, "present");

  /** Fault processing disable. */
  public static final Field FPD =
      Field.bit("FPD", 1, "qualified faults through this entry are not recorded");

  /** Second-stage address width. */
  public static final Field AW =
      Field.of("AW", 4, 2, "second-stage width: 1 39-bit, 2 48-bit, 3 57-bit");

  /** Second-stage execute enable. */
  public static final Field SSEE =
      Field.bit("SSEE", 5, "X of second-stage entries counts; reserved unless ECAP.ERS");

  /** Translation type. */
  public static final Field PGTT =
      Field.of(
          "PGTT",
          8,
          6,
          "001 first stage, 010 second stage, 011 nested, 100 pass-through, else reserved");

  /** Second-stage accessed/dirty enable. */
  public static final Field SSADE =
      Field.bit("SSADE", 9, "second-stage flags are updated; reserved unless ECAP.SSADS");

  /** Second-stage root. */
  public static final Field SSPTPTR =
      Field.of("SSPTPTR", 63, 12, "second-stage root table (HPA); bits from HAW reserved");

  /** Domain id. */
  public static final Field DID =
      Field.of("DID", 79, 64, "domain id; bits from 4 + 2*CAP.ND reserved");

  /** Page-walk snoop. */
  public static final Field PWSNP =
      Field.bit("PWSNP", 87, "page walks snoop caches; reserved unless ECAP.SMPWCS");

  /** Page snoop. */
  public static final Field PGSNP =
      Field.bit("PGSNP", 88, "all accesses snoop; reserved unless ECAP.SC");

  /** Cache disable. */
  public static final Field CD = Field.bit("CD", 89, "cache disable; reserved unless ECAP.MTS");

  /** Extended memory type enable. */
  public static final Field EMTE = Field.bit("EMTE", 90, "EMT counts; reserved unless ECAP.MTS");

  /** Extended memory type. */
  public static final Field EMT =
      Field.of("EMT", 93, 91, "extended memory type; reserved unless ECAP.MTS");

  /** Page-level write-through. */
  public static final Field PWT =
      Field.bit("PWT", 94, "write-through for the first-stage root; reserved unless ECAP.MTS");

  /** Page-level cache disable. */
  public static final Field PCD =
      Field.bit("PCD", 95, "cache disable for the first-stage root; reserved unless ECAP.MTS");

  /** Page attribute table. */
  public static final Field PAT =
      Field.of("PAT", 127, 96, "eight memory types; reserved unless ECAP.MTS");

  /** Supervisor request enable. */
  public static final Field SRE =
      Field.bit("SRE", 128, "supervisor requests are served; reserved unless ECAP.SRS");

  /** Execute request enable. */
  public static final Field ERE =
      Field.bit("ERE", 129, "execute requests are served; reserved unless ECAP.ERS");

  /** First-stage paging mode. */
  public static final Field FSPM =
      Field.of("FSPM", 131, 130, "00 4-level, 01 5-level (CAP.FS5LP), 1x reserved");

  /** Write protect enable. */
  public static final Field WPE =
      Field.bit("WPE", 132, "supervisor writes honour R/W=0; meaningful with SRE");

  /** No-execute enable. */
  public static final Field NXE =
      Field.bit("NXE", 133, "XD of first-stage entries counts; reserved unless ECAP.ERS");

  /** Supervisor-mode execution prevention. */
  public static final Field SMEP =
      Field.bit("SMEP", 134, "supervisor may not execute user pages; reserved unless ECAP.ERS");

  /** Extended accessed flag enable. */
  public static final Field EAFE =
      Field.bit("EAFE", 135, "EA is set together with A; reserved unless ECAP.EAFS");

  /** First-stage root. */
  public static final Field FSPTPTR =
      Field.of("FSPTPTR", 191, 140, "first-stage root table: HPA, or GPA when nested");

  /** The entry. */
  public static final Structure STRUCTURE =
      Structure.of(
          "PASID Table Entry",
          "VT-d 9.6",
          8,
          P,
          FPD,
          AW,
          SSEE,
          PGTT,
          SSADE,
          SSPTPTR,
          DID,
          PWSNP,
          PGSNP,
          CD,
          EMTE,
          EMT,
          PWT,
          PCD,
          PAT,
          SRE,
          ERE,
          FSPM,
          WPE,
          NXE,
          SMEP,
          EAFE,
          FSPTPTR);

  private PasidTableEntry() {}
}
