package dev.nestwalk.smmu;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Identification register 1 (IHI 0070, 6.3.2). */
public final class Idr1 {
  /** StreamID bits. */
  public static final Field SIDSIZE = Field.of("SIDSIZE", 5, 0, "StreamID bits");

  /** SubstreamID bits. */
  public static final Field SSIDSIZE = Field.of("SSIDSIZE", 10, 6, "SubstreamID bits");

  /** Most page requests in the queue. */
  public static final Field PRIQS = Field.of("PRIQS", 15, 11, "log2 of the longest PRI queue");

  /** Most event records in the queue. */
  public static final Field EVENTQS =
      Field.of("EVENTQS", 20, 16, "log2 of the longest event queue");

  /** Most commands in the queue. */
  public static final Field CMDQS = Field.of("CMDQS", 25, 21, "log2 of the longest command queue");

  /** PRIVCFG and INSTCFG take effect. */
  public static final Field ATTR_PERMS_OVR =
      Field.bit("ATTR_PERMS_OVR", 26, "PRIVCFG and INSTCFG take effect");

  /** MTCFG, SHCFG and ALLOCCFG take effect. */
  public static final Field ATTR_TYPES_OVR =
      Field.bit("ATTR_TYPES_OVR", 27, "MTCFG, SHCFG and ALLOCCFG take effect");

  /** Preset bases are relative. */
  public static final Field REL =
      Field.bit("REL", 28, "preset bases are relative to the registers");

  /** Queue bases are fixed. */
  public static final Field QUEUES_PRESET =
      Field.bit("QUEUES_PRESET", 29, "the places of the queues are fixed");

  /** Stream table base is fixed. */
  public static final Field TABLES_PRESET =
      Field.bit("TABLES_PRESET", 30, "the place of the stream table is fixed");

  /** Enhanced command queues. */
  public static final Field ECMDQ = Field.bit("ECMDQ", 31, "enhanced command queues");

  /** The structure; bits that no field names are RES0 and not checked. */
  public static final Structure STRUCTURE =
      Structure.of(
          "IDR1",
          "SMMUv3 6.3.2",
          1,
          SIDSIZE,
          SSIDSIZE,
          PRIQS,
          EVENTQS,
          CMDQS,
          ATTR_PERMS_OVR,
          ATTR_TYPES_OVR,
          REL,
          QUEUES_PRESET,
          TABLES_PRESET,
          ECMDQ);

  private Idr1() {}
}
