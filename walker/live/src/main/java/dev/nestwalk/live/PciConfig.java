package dev.nestwalk.live;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * PCI configuration space: its bytes, and the bits that a guest may change. It has only the
 * capabilities that are added, and extended space only if one of them is there.
 *
 * <p>Threads: any.
 */
final class PciConfig {
  /** Size of conventional configuration space in bytes. */
  static final int CONVENTIONAL = 256;

  /** Size with PCI Express extended space in bytes. */
  static final int EXTENDED = 4096;

  private static final int COMMAND = 0x04;
  private static final int STATUS = 0x06;
  private static final int BARS = 0x10;
  private static final int CAPABILITIES = 0x34;
  private static final int INTERRUPT_LINE = 0x3c;
  private static final int FIRST_CAPABILITY = 0x40;
  private static final int FIRST_EXTENDED = 0x100;

  /** Memory space, bus master, parity, SERR, INTx disable. */
  private static final int COMMAND_BITS = 0x546;

  private static final int MEMORY_SPACE = 2;
  private static final int BUS_MASTER = 4;
  private static final int HAS_CAPABILITIES = 0x10;
  private static final int MEMORY_64 = 4;

  private final byte[] reset;
  private final byte[] bytes;
  private final byte[] writable;
  private int capability = FIRST_CAPABILITY;
  private int lastLink = CAPABILITIES;
  private int extended = FIRST_EXTENDED;
  private int lastExtended = -1;

  /**
   * Makes a type 0 header.
   *
   * @param size {@link #CONVENTIONAL} or {@link #EXTENDED}
   * @param classCode base class, subclass, programming interface: 24 bits
   */
  PciConfig(int size, int vendor, int device, int classCode) {
    reset = new byte[size];
    bytes = new byte[size];
    writable = new byte[size];
    put(reset, 0x00, 2, vendor);
    put(reset, 0x02, 2, device);
    put(reset, 0x08, 4, classCode << 8 | 1);
    put(reset, 0x2c, 2, vendor);
    put(reset, 0x2e, 2, 1);
    put(writable, COMMAND, 2, COMMAND_BITS);
    put(writable, INTERRUPT_LINE, 1, 0xff);
    reset();
  }

  private static void put(byte[] to, int at, int size, long value) {
    for (int i = 0; i < size; i++) {
      to[at + i] = (byte) (value >>> 8 * i);
    }
  }

  /**
   * Adds a memory BAR of 32 bits, or of 64 in two registers.
   *
   * @param bytesLog2 log2 of the size, 4 to 31
   */
  void bar(int index, int bytesLog2, boolean wide) {
    put(writable, BARS + 4 * index, 4, -1L << bytesLog2);
    if (wide) {
      put(reset, BARS + 4 * index, 4, MEMORY_64);
      put(writable, BARS + 4 * index + 4, 4, -1L);
    }
    reset();
  }

  /**
   * Adds a capability.
   *
   * @param content value after a reset, beginning after the two bytes of id and link
   * @param mask bits that a guest may change
   * @return its offset
   */
  int capability(int id, byte[] content, byte[] mask) {
    int at = capability;
    reset[lastLink] = (byte) at;
    lastLink = at + 1;
    reset[at] = (byte) id;
    System.arraycopy(content, 0, reset, at + 2, content.length);
    System.arraycopy(mask, 0, writable, at + 2, mask.length);
    capability = at + 2 + content.length + 3 & ~3;
    reset[STATUS] |= HAS_CAPABILITIES;
    reset();
    return at;
  }

  /**
   * Adds a capability of PCI Express extended space.
   *
   * @param content value after a reset, beginning after the four bytes of its header
   * @param mask bits that a guest may change
   * @return its offset
   */
  int extendedCapability(int id, int version, byte[] content, byte[] mask) {
    int at = extended;
    put(reset, at, 4, id | version << 16);
    if (lastExtended >= 0) {
      put(reset, lastExtended + 2, 2, (reset[lastExtended + 2] & 0xf) | at << 4);
    }
    lastExtended = at;
    System.arraycopy(content, 0, reset, at + 4, content.length);
    System.arraycopy(mask, 0, writable, at + 4, mask.length);
    extended = at + 4 + content.length + 3 & ~3;
    reset();
    return at;
  }

  synchronized void reset() {
    System.arraycopy(reset, 0, bytes, 0, bytes.length);
  }

  int size() {
    return bytes.length;
  }

  synchronized void read(int offset, byte[] into) {
    System.arraycopy(bytes, offset, into, 0, into.length);
  }

  /** Writes for the guest; bits that it may not change keep their value. */
  synchronized void write(int offset, byte[] value) {
    for (int i = 0; i < value.length; i++) {
      int mask = writable[offset + i];
      bytes[offset + i] = (byte) (bytes[offset + i] & ~mask | value[i] & mask);
    }
  }

  synchronized int word(int offset) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(offset);
  }

  synchronized int half(int offset) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getShort(offset) & 0xffff;
  }

  /** Whether the function may make requests: Bus Master Enable. */
  boolean isBusMaster() {
    return (half(COMMAND) & BUS_MASTER) != 0;
  }

  /** Whether its BARs are enabled. */
  boolean answersMemory() {
    return (half(COMMAND) & MEMORY_SPACE) != 0;
  }

  /** The guest's value of a 32-bit BAR, without its type bits. */
  long barAddress(int index) {
    return word(BARS + 4 * index) & 0xffff_fff0L;
  }
}
