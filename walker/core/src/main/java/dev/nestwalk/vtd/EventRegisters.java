package dev.nestwalk.vtd;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;

/**
 * The four registers that turn an event into a message (VT-d 11.4.7.2 to 11.4.7.5): control, data,
 * address, upper address. There is one set each for faults (from 0x38 on), completed invalidations
 * (from 0xA0 on) and page requests (from 0xE0 on).
 */
public final class EventRegisters {
  /** Interrupt pending. */
  public static final Field IP = Field.bit("IP", 30, "an event waits to be sent");

  /** Interrupt mask. */
  public static final Field IM = Field.bit("IM", 31, "0: messages are sent; 1: no message is sent");

  /** Control. */
  public static final Structure CONTROL = Structure.of("FECTL", "VT-d 11.4.7.2", 1, IP, IM);

  /** Message data. */
  public static final Field IMD = Field.of("IMD", 15, 0, "data of the message");

  /** Data. */
  public static final Structure DATA = Structure.of("FEDATA", "VT-d 11.4.7.3", 1, IMD);

  /** Message address. */
  public static final Field MA = Field.of("MA", 31, 2, "address of the message");

  /** Address. */
  public static final Structure ADDRESS = Structure.of("FEADDR", "VT-d 11.4.7.4", 1, MA);

  /** Upper message address. */
  public static final Field MUA =
      Field.of("MUA", 31, 0, "upper address of the message, with ECAP.EIM");

  /** Upper address. */
  public static final Structure UPPER_ADDRESS = Structure.of("FEUADDR", "VT-d 11.4.7.5", 1, MUA);

  private EventRegisters() {}
}
