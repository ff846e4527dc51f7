package dev.nestwalk.live;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * The register side of an NVMe controller with one namespace (NVM Express Base 1.4). {@link
 * NvmeEngine} handles queues and commands, on the device's own thread.
 *
 * <p>Threads: registers are used by the socket's thread; the engine publishes its status here.
 */
final class Nvme extends PciFunction {
  /** Number of entries of the largest queue. */
  static final int MAX_ENTRIES = 256;

  /** Number of queue pairs, including the admin queue. */
  static final int QUEUES = 9;

  /** By this serial number the kit's guest knows a disk that it may format. */
  private static final String MEMORY_SERIAL = "nestwalk-memory";

  private static final int CLASS = 0x010802;
  private static final int VENDOR = 0x1b36;
  private static final int DEVICE = 0x0ddc;
  private static final int BAR_LOG2 = 14;

  static final int CAP = 0x00;
  static final int VS = 0x08;
  static final int INTMS = 0x0c;
  static final int INTMC = 0x10;
  static final int CC = 0x14;
  static final int CSTS = 0x1c;
  static final int AQA = 0x24;
  static final int ASQ = 0x28;
  static final int ACQ = 0x30;
  private static final int REGISTERS_END = 0x38;
  private static final int DOORBELLS = 0x1000;

  /** Version 1.4. */
  static final int VERSION = 0x0001_0400;

  /** CAP: MQES, CQR (contiguous queues), TO in units of 500 ms, CSS.NVM; 4 KiB pages only. */
  private static final long CAPABILITIES = MAX_ENTRIES - 1 | 1L << 16 | 40L << 24 | 1L << 37;

  static final int READY = 1;
  static final int FATAL = 2;
  static final int SHUT_DOWN = 8;

  private static final int ENABLE = 1;
  private static final int SHUTDOWN_MASK = 3 << 14;

  private final String name;
  private final String serial;
  private final Msi msi;
  private final DeviceThread thread;

  /** AQA, ASQ, ACQ as a guest wrote them, by offset / 4. */
  private final AtomicIntegerArray registers = new AtomicIntegerArray(REGISTERS_END / 4);

  /** Tails and heads as a guest wrote them, by doorbell. */
  private final AtomicIntegerArray doorbells = new AtomicIntegerArray(2 * QUEUES);

  private final AtomicInteger status = new AtomicInteger();
  private final AtomicInteger masked = new AtomicInteger();

  private final AtomicReference<Control> control = new AtomicReference<>(new Control(0, 0));

  /**
   * CC, and what it was written for: seen together, so that the engine never takes a controller for
   * ready that it has yet to reset.
   *
   * @param resets counts changes of CC.EN and resets, so that even one that is over is noticed
   */
  record Control(int configuration, int resets) {
    boolean isEnabled() {
      return (configuration & ENABLE) != 0;
    }

    boolean wantsShutdown() {
      return (configuration & SHUTDOWN_MASK) != 0;
    }

    private Control with(int written) {
      boolean changes = ((configuration ^ written) & ENABLE) != 0;
      return new Control(written, changes ? resets + 1 : resets);
    }
  }

  /** Counts what the controller does. */
  final NvmeCounters counters = new NvmeCounters();

  /**
   * Makes a controller.
   *
   * @param sourceId its requester id
   * @param memory its access to memory
   * @param disk the namespace
   * @param say receives lines for the user
   */
  Nvme(String name, int sourceId, Dma.Source memory, Disk disk, Consumer<String> say) {
    super(new PciConfig(PciConfig.CONVENTIONAL, VENDOR, DEVICE, CLASS), sourceId, memory);
    this.name = name;
    serial = disk.isLostAtEnd() ? MEMORY_SERIAL : name;
    config.bar(0, BAR_LOG2, true);
    msi = Msi.in(config);
    thread = new DeviceThread(name, () -> new NvmeEngine(this, disk, say), say);
  }

  @Override
  String name() {
    return name;
  }

  @Override
  long barSize(int bar) {
    return bar == 0 ? 1L << BAR_LOG2 : 0;
  }

  @Override
  int interrupts(int kind) {
    return kind == VfioUser.MSI ? 1 : 0;
  }

  /** Serial number: at most 16 characters. */
  String serial() {
    return serial;
  }

  /** Ends the controller's thread. */
  void end() {
    thread.end();
  }

  @Override
  void reset() {
    for (int i = 0; i < registers.length(); i++) {
      registers.set(i, 0);
    }
    masked.set(0);
    status.set(0);
    control.updateAndGet(old -> new Control(0, old.resets + 1));
    thread.wake();
  }

  @Override
  void read(int bar, long offset, byte[] into) {
    long low = register((int) offset & ~3);
    long high = register(((int) offset & ~3) + 4);
    int shift = 8 * ((int) offset & 3);
    long value = low | high << 32;
    put(value >>> shift, into);
  }

  private long register(int offset) {
    int value =
        switch (offset) {
          case CAP -> (int) CAPABILITIES;
          case CAP + 4 -> (int) (CAPABILITIES >>> 32);
          case VS -> VERSION;
          case INTMS, INTMC -> masked.get();
          case CC -> control.get().configuration;
          case CSTS -> status.get();
          default -> offset < REGISTERS_END ? registers.get(offset / 4) : 0;
        };
    return value & 0xffff_ffffL;
  }

  @Override
  void write(int bar, long offset, byte[] value) {
    boolean regular = (value.length == 4 || value.length == 8) && offset % value.length == 0;
    if (!regular) {
      return; // other sizes are not defined for these registers (3.1)
    }
    long word = value(value);
    write((int) offset, (int) word);
    if (value.length == 8) {
      write((int) offset + 4, (int) (word >>> 32));
    }
  }

  private void write(int offset, int value) {
    if (offset >= DOORBELLS) {
      int doorbell = (offset - DOORBELLS) / 4;
      if (doorbell < doorbells.length()) {
        doorbells.set(doorbell, value & 0xffff);
        thread.wake();
      }
      return;
    }
    switch (offset) {
      case INTMS -> masked.accumulateAndGet(value, (old, bits) -> old | bits);
      case INTMC -> {
        masked.accumulateAndGet(value, (old, bits) -> old & ~bits);
        thread.wake();
      }
      case CC -> configure(value);
      case AQA, ASQ, ASQ + 4, ACQ, ACQ + 4 -> registers.set(offset / 4, value);
      default -> {} // read-only or reserved
    }
  }

  private void configure(int value) {
    control.updateAndGet(old -> old.with(value));
    askHeldRequests();
    thread.wake();
  }

  @Override
  void busMasterChanged() {
    thread.wake();
  }

  // For the engine.

  Msi msi() {
    return msi;
  }

  Control control() {
    return control.get();
  }

  int adminQueueAttributes() {
    return registers.get(AQA / 4);
  }

  long adminQueue(int offset) {
    return registers.get(offset / 4) & 0xffff_ffffL | (long) registers.get(offset / 4 + 1) << 32;
  }

  int tail(int queue) {
    return doorbells.get(2 * queue);
  }

  int head(int queue) {
    return doorbells.get(2 * queue + 1);
  }

  void clearDoorbell(int doorbell) {
    doorbells.set(doorbell, 0);
  }

  boolean isMasked() {
    return (masked.get() & 1) != 0;
  }

  /**
   * Publishes the status, unless a reset has come in between.
   *
   * @param atReset the value of {@link Control#resets} to which the status belongs
   */
  void publish(int csts, int atReset) {
    status.set(csts);
    if (control.get().resets != atReset) {
      status.set(0);
      thread.wake();
    }
  }
}
