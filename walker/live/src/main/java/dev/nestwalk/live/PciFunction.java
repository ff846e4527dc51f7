package dev.nestwalk.live;

import java.util.function.BooleanSupplier;

/**
 * A PCI function as a vfio-user client sees it: configuration space and BARs.
 *
 * <p>Threads: the thread of the function's socket; {@link Bus#writeMessage} may be called by any.
 */
abstract class PciFunction {
  final PciConfig config;
  private final int sourceId;
  private final Dma.Source memory;
  private final BusMaster busMaster;
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

  /**
   * A function with access to memory, which it gets from {@link #dma} alone.
   *
   * @param sourceId its requester id
   */
  PciFunction(PciConfig config, int sourceId, Dma.Source memory) {
    this.config = config;
    this.sourceId = sourceId;
    this.memory = memory;
    busMaster = new BusMaster(config);
  }

  /** A function that makes no requests. */
  PciFunction(PciConfig config) {
    this(
        config,
        0,
        (id, pasid) -> {
          throw new IllegalStateException("DMA of a function that has none");
        });
  }

  /**
   * Opens an access to memory for the calling thread. It works while the guest has set Bus Master
   * Enable.
   *
   * @param pasid PASID or SubstreamID, -1 for none
   * @param holds whether a request that is made meanwhile is held rather than barred
   * @param wanted whether the guest has not ended what the function does, as in {@link
   *     BusMaster#guard}
   */
  final Dma dma(int pasid, boolean holds, BooleanSupplier wanted) {
    return busMaster.guard(memory.open(sourceId, pasid), holds, wanted);
  }

  /** Lets a held request see that it is no longer wanted. */
  final void askHeldRequests() {
    if (!config.isBusMaster()) {
      busMaster.changed();
    }
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

  /** Restores registers and state after power-on; {@link #resetAll} calls it. */
  abstract void reset();

  /** Restores configuration space, registers and state after power-on. */
  final void resetAll() {
    config.reset();
    reset();
    busMaster.changed();
  }

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

  /** Bus Master Enable has changed: there may be work. */
  void busMasterChanged() {}

  void readConfig(int offset, byte[] into) {
    config.read(offset, into);
  }

  void writeConfig(int offset, byte[] value) {
    boolean before = config.isBusMaster();
    config.write(offset, value);
    if (config.isBusMaster() != before) {
      busMaster.changed();
      busMasterChanged();
    }
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
