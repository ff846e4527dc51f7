package dev.nestwalk.live;

/**
 * A PCI function as a vfio-user client sees it: configuration space and BARs.
 *
 * <p>Threads: the thread of the function's socket; {@link Bus#writeMessage} may be called by any.
 */
abstract class PciFunction {
  final PciConfig config;
  private volatile Bus bus = Bus.NONE;

  /** The function's access to the client's bus. */
  interface Bus {
    /** No client is connected. */
    Bus NONE = (address, data) -> false;

    /**
     * Writes an interrupt message to a physical address. It does not wait for an answer, because
     * the client may be waiting for one itself.
     *
     * @return false if no client is connected
     */
    boolean writeMessage(long address, int data);
  }

  PciFunction(PciConfig config) {
    this.config = config;
  }

  /** The name in messages. */
  abstract String name();

  /** Size of a BAR in bytes, 0 if there is none. */
  abstract long barSize(int bar);

  /**
   * Reads from a BAR for a guest. Never throws, whatever offset and size are.
   *
   * @param into as many bytes as are read, all inside the BAR
   */
  abstract void read(int bar, long offset, byte[] into);

  /**
   * Writes to a BAR for a guest. Never throws, whatever offset and size are.
   *
   * @param value as many bytes as are written, all inside the BAR
   */
  abstract void write(int bar, long offset, byte[] value);

  /** Restores the state after power-on; the caller resets configuration space. */
  abstract void reset();

  /** Number of interrupts of a kind. */
  abstract int interrupts(int kind);

  /**
   * Invalidates translations that the unit gave to the function; returns when nothing uses them any
   * more. Called on the thread of a vCPU, like {@link dev.nestwalk.device.DeviceTlb#invalidate}.
   */
  void dropTranslations() {}

  /**
   * Receives the unit's answer to a page request; has to return quickly.
   *
   * @param code response code of PCI Express
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

  /** The little-endian value of up to 8 bytes. */
  static long value(byte[] bytes) {
    long value = 0;
    for (int i = Math.min(bytes.length, 8) - 1; i >= 0; i--) {
      value = value << 8 | bytes[i] & 0xff;
    }
    return value;
  }

  /** Stores a value as up to 8 little-endian bytes. */
  static void put(long value, byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = i < 8 ? (byte) (value >>> 8 * i) : 0;
    }
  }
}
