package dev.nestwalk.live;

/**
 * A PCI function as the vfio-user client sees it: configuration space and BARs.
 *
 * <p>Threads: a function is called by the thread of its socket; {@link Bus#writeMessage} by any.
 */
abstract class PciFunction {
  final PciConfig config;
  private volatile Bus bus = Bus.NONE;

  /** The client's end of the bus. */
  interface Bus {
    /** No client is connected. */
    Bus NONE = (address, data) -> false;

    /**
     * Writes an interrupt message at a physical address; nobody waits for an answer, because the
     * client may be waiting for one of ours.
     *
     * @return false if no client is there to take it
     */
    boolean writeMessage(long address, int data);
  }

  PciFunction(PciConfig config) {
    this.config = config;
  }

  /** How it is called in messages. */
  abstract String name();

  /** Bytes of a BAR, 0 if there is none. */
  abstract long barSize(int bar);

  /**
   * A guest's read of a BAR. Never throws, whatever the place and size.
   *
   * @param into as many bytes as are read, all inside the BAR
   */
  abstract void read(int bar, long offset, byte[] into);

  /**
   * A guest's write of a BAR. Never throws, whatever the place and size.
   *
   * @param value as many bytes as are written, all inside the BAR
   */
  abstract void write(int bar, long offset, byte[] value);

  /** Back to the state after power-on; configuration space is reset by the caller. */
  abstract void reset();

  /** How many interrupts of a kind the function has. */
  abstract int interrupts(int kind);

  /**
   * The unit tells that translations which the function was given are no longer good; answered when
   * nothing uses them any more. On the thread of a vCPU, as {@link
   * dev.nestwalk.device.DeviceTlb#invalidate}.
   */
  void dropTranslations() {}

  /**
   * The unit answers a page request; returns soon.
   *
   * @param code of PCI Express
   */
  void pageResponse(int code) {}

  void readConfig(int offset, byte[] into) {
    config.read(offset, into);
  }

  void writeConfig(int offset, byte[] value) {
    config.write(offset, value);
  }

  final void connect(Bus client) {
    bus = client;
  }

  final Bus bus() {
    return bus;
  }

  /** Little-endian value of up to 8 bytes. */
  static long value(byte[] bytes) {
    long value = 0;
    for (int i = Math.min(bytes.length, 8) - 1; i >= 0; i--) {
      value = value << 8 | bytes[i] & 0xff;
    }
    return value;
  }

  /** Puts a value little-endian into up to 8 bytes. */
  static void put(long value, byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = i < 8 ? (byte) (value >>> 8 * i) : 0;
    }
  }
}
