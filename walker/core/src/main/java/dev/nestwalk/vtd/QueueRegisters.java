package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/** Registers of the invalidation queue and of the page request queue (VT-d 11.4.9 to 11.4.11). */
public final class QueueRegisters {
  /** Head of the invalidation queue. */
  public static final Field QH =
      Field.of("QH", 18, 4, "next descriptor to fetch, in units of 16 bytes");

  /** IQH, offset 0x80. */
  public static final Structure HEAD = Structure.of("IQH", "VT-d 11.4.9.1", 1, QH);

  /** Tail of the invalidation queue. */
  public static final Field QT =
      Field.of("QT", 18, 4, "next descriptor to write, in units of 16 bytes");

  /** IQT, offset 0x88. */
  public static final Structure TAIL = Structure.of("IQT", "VT-d 11.4.9.2", 1, QT);

  /** Size of the invalidation queue. */
  public static final Field QS = Field.of("QS", 2, 0, "the queue has 2^QS pages of 4 KiB");

  /** Descriptor width. */
  public static final Field DW = Field.bit("DW", 11, "0: 128-bit descriptors; 1: 256-bit");

  /** Base of the invalidation queue. */
  public static final Field IQA = Field.of("IQA", 63, 12, "where the queue is, 4 KiB aligned");

  /** IQA, offset 0x90. */
  public static final Structure ADDRESS = Structure.of("IQA", "VT-d 11.4.9.3", 1, QS, DW, IQA);

  /** Invalidation wait completion. */
  public static final Field IWC =
      Field.bit("IWC", 0, "a wait with IF completed; written 1 to clear");

  /** ICS, offset 0x9C. */
  public static final Structure COMPLETION = Structure.of("ICS", "VT-d 11.4.9.4", 1, IWC);

  /** Why the queue stopped. */
  public static final Field IQEI =
      Field.of(
          "IQEI",
          3,
          0,
          "0 none, 1 tail, 2 fetch, 3 type, 4 reserved field, 5 width, 6 tail alignment, 7 mode");

  /** Source of the device-TLB that did not answer. */
  public static final Field ITESID = Field.of("ITESID", 47, 32, "source id, valid with FSTS.ITE");

  /** Source of the device-TLB that answered wrongly. */
  public static final Field ICESID = Field.of("ICESID", 63, 48, "source id, valid with FSTS.ICE");

  /** IQERCD, offset 0xB0. */
  public static final Structure ERROR =
      Structure.of("IQERCD", "VT-d 11.4.9.9", 1, IQEI, ITESID, ICESID);

  /** Size of the interrupt table. */
  public static final Field S = Field.of("S", 3, 0, "the table has 2^(S + 1) entries");

  /** Extended interrupt mode. */
  public static final Field EIME = Field.bit("EIME", 11, "extended interrupt mode on");

  /** Interrupt table. */
  public static final Field IRTA = Field.of("IRTA", 63, 12, "where the table is, 4 KiB aligned");

  /** IRTA, offset 0xB8. */
  public static final Structure INTERRUPT_TABLE =
      Structure.of("IRTA", "VT-d 11.4.10", 1, S, EIME, IRTA);

  /** Head of the page request queue. */
  public static final Field PQH =
      Field.of("PQH", 18, 5, "next request to handle, in units of 32 bytes");

  /** PQH, offset 0xC0. */
  public static final Structure PAGE_HEAD = Structure.of("PQH", "VT-d 11.4.11.1", 1, PQH);

  /** Tail of the page request queue. */
  public static final Field PQT =
      Field.of("PQT", 18, 5, "next request to write, in units of 32 bytes");

  /** PQT, offset 0xC8. */
  public static final Structure PAGE_TAIL = Structure.of("PQT", "VT-d 11.4.11.2", 1, PQT);

  /** Size of the page request queue. */
  public static final Field PQS = Field.of("PQS", 2, 0, "the queue has 2^PQS pages of 4 KiB");

  /** Base of the page request queue. */
  public static final Field PQA = Field.of("PQA", 63, 12, "where the queue is, 4 KiB aligned");

  /** PQA, offset 0xD0. */
  public static final Structure PAGE_ADDRESS = Structure.of("PQA", "VT-d 11.4.11.3", 1, PQS, PQA);

  /** Pending page request. */
  public static final Field PPR = Field.bit("PPR", 0, "a request was queued; written 1 to clear");

  /** Page request overflow. */
  public static final Field PRO =
      Field.bit("PRO", 1, "a request found no room; written 1 to clear");

  /** PRS, offset 0xDC. */
  public static final Structure PAGE_STATUS = Structure.of("PRS", "VT-d 11.4.11.4", 1, PPR, PRO);

  private QueueRegisters() {}
}
