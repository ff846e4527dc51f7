package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Fault recording register FRCD (VT-d 11.4.7.6), 128 bits; word 0 is the low half. */
public final class FaultRecordFormat {
  /** Fault information. */
  public static final Field FI = Field.of("FI", 63, 12, "page of the requested address");

  /** Source id. */
  public static final Field SID = Field.of("SID", 79, 64, "source id of the request");

  /** Type bit 2. */
  public static final Field T2 = Field.bit("T2", 92, "with T1: 00 write, 10 read, 11 atomic");

  /** Privileged. */
  public static final Field PRIV = Field.bit("PRIV", 93, "privileged request, valid with PP");

  /** Execute. */
  public static final Field EXE = Field.bit("EXE", 94, "execute request, valid with PP");

  /** PASID present. */
  public static final Field PP = Field.bit("PP", 95, "the request had a PASID");

  /** Fault reason. */
  public static final Field FR = Field.of("FR", 103, 96, "fault reason");

  /** PASID value. */
  public static final Field PV = Field.of("PV", 123, 104, "PASID, valid with PP");

  /** Address type. */
  public static final Field AT =
      Field.of("AT", 125, 124, "00 untranslated, 01 translation request, 10 translated");

  /** Type bit 1. */
  public static final Field T1 = Field.bit("T1", 126, "with T2: 00 write, 10 read, 11 atomic");

  /** Fault. */
  public static final Field F = Field.bit("F", 127, "the record is valid");

  /** The register. */
  public static final Structure STRUCTURE =
      Structure.of("FRCD", "VT-d 11.4.7.6", 2, FI, SID, T2, PRIV, EXE, PP, FR, PV, AT, T1, F);

  private FaultRecordFormat() {}
}
