package dev.nestwalk.device;

import dev.nestwalk.Iommu;
import dev.nestwalk.device.RegisterBlock.Register;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.vtd.FaultStatus;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.ProtectedMemoryEnable;
import dev.nestwalk.vtd.VtdCapabilities;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An Intel VT-d remapping unit (VT-d chapters 6, 7 and 11): register page, invalidation by queue
 * and by registers, fault recording, page requests, event messages.
 *
 * <p>Commands are done when the write of GCMD, CCMD, IOTLB, PMEN or of the queue's tail returns;
 * status bits that software polls have their final value at once. Reads past the registers give all
 * ones. Interrupt remapping is left out: with ECAP.IR the unit answers its handshakes (SIRTP, IRE,
 * CFI) and hands messages on as devices wrote them.
 *
 * <p>Threads: as {@link Unit}. Writes that set something off are carried out one after the other.
 */
public final class VtdUnit extends Unit {
  private static final int WORD = 4;

  private final VtdRegisters layout;
  private final RegisterBlock registers;
  private final VtdEvent faultEvent;
  private final VtdEvent completionEvent;
  private final VtdEvent pageEvent;
  private final VtdFaultLog faults;
  private final VtdPageRequests pages;
  private final VtdQueue queue;

  /** Made once: a guest rings for every invalidation. */
  private final Runnable runQueue;

  private final VtdRegisterInvalidation registerInvalidation;
  private final VtdCommands commands;

  /** Who carries commands out: held over waits for device threads, unlike the unit's lock. */
  private final ReentrantLock engine = new ReentrantLock();

  /** Counts resets and restores: a command under way at that time has no effect. */
  private int epoch;

  private VtdUnit(Iommu iommu, VtdRegisters layout, RegisterBlock registers, UnitOptions options) {
    super(iommu, options);
    this.layout = layout;
    this.registers = registers;
    InterruptSink sink = options.interrupts();
    faultEvent = new VtdEvent(registers, VtdRegisters.FECTL, sink);
    completionEvent = new VtdEvent(registers, VtdRegisters.IECTL, sink);
    pageEvent = new VtdEvent(registers, VtdRegisters.PECTL, sink);
    faults = new VtdFaultLog(registers, layout, faultEvent);
    pages = new VtdPageRequests(this, layout, registers, faults, pageEvent);
    VtdDescriptors descriptors =
        new VtdDescriptors(this, layout, registers, faults, completionEvent, pages);
    queue = new VtdQueue(this, layout, registers, faults, descriptors);
    runQueue = queue::run;
    registerInvalidation = new VtdRegisterInvalidation(this, layout, registers);
    commands = new VtdCommands(this, layout, registers, queue);
  }

  /**
   * A unit as after power-on.
   *
   * @param options memory, interrupts and what else the embedder has
   * @param capabilities by architectural name: CAP, ECAP, and VER (1.0 if absent); others are
   *     ignored. CAP.FRO and ECAP.IRO may be 0: the unit then places those registers, at 0x220 and
   *     0xF0, and shows where
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @throws IllegalArgumentException for a missing register, capabilities that exclude each other,
   *     or registers placed over others
   */
  public static VtdUnit of(
      UnitOptions options, Map<String, Long> capabilities, int hostAddressWidth) {
    long cap = required(capabilities, "CAP");
    long ecap = required(capabilities, "ECAP");
    int width = VtdCapabilities.of(cap, ecap, hostAddressWidth).hostAddressWidth();
    long version = capabilities.getOrDefault("VER", 0x10L);
    VtdRegisters layout = new VtdRegisters(version, cap, ecap, width);
    Map<String, Long> initial =
        Map.of("CAP", layout.cap, "ECAP", layout.ecap, "GSTS", 0L, "RTADDR", 0L);
    Iommu iommu = Iommu.vtd(options.memory(), initial, width);
    return new VtdUnit(iommu, layout, layout.block(), options);
  }

  private static long required(Map<String, Long> registers, String name) {
    Long value = registers.get(name);
    if (value == null) {
      throw new IllegalArgumentException("register " + name + " is missing");
    }
    return value;
  }

  /** Size of the register block in bytes, a multiple of 4096. */
  public int registerBytes() {
    return registers.bytes();
  }

  /**
   * Sets the unit's own answer to a page request that ends its group while the queue is full. It is
   * {@link PageResponses.Code#SUCCESS} unless set, so that the device asks again.
   */
  public void setOverflowResponse(PageResponses.Code code) {
    pages.setOverflowResponse(code);
  }

  @Override
  long read(long offset, int size) {
    if (Long.compareUnsigned(offset, registers.bytes() - size) > 0) {
      guestErrors().count("read past the registers", "0x%x".formatted(offset));
      return size == WORD ? 0xffff_ffffL : -1;
    }
    if (registers.at((int) offset) == null) {
      guestErrors().count("read where no register is", "0x%x".formatted(offset));
    }
    return registers.read((int) offset, size);
  }

  @Override
  void write(long offset, int size, long value) {
    if (Long.compareUnsigned(offset, registers.bytes() - size) > 0) {
      guestErrors().count("write past the registers", "0x%x".formatted(offset));
      return;
    }
    int at = (int) offset;
    Register register = registers.at(at);
    if (size == WORD) {
      store(at, (int) value);
      written(at, value);
    } else if (register != null && register.bytes() == size) {
      store(at, (int) value);
      store(at + WORD, (int) (value >>> 32));
      written(at, value);
      written(at + WORD, value >>> 32);
    } else {
      // Two registers of 32 bits side by side, low one first.
      write(at, WORD, value & 0xffff_ffffL);
      write(at + WORD, WORD, value >>> 32);
    }
  }

  private void store(int at, int value) {
    Register register = registers.at(at);
    if (register == null) {
      guestErrors().count("write where no register is", "0x%x".formatted(at));
    } else if (register.isReadOnly() && at != VtdRegisters.GCMD && !isZeroToZero(at, value)) {
      guestErrors().count("write to a read-only register", register.name());
    }
    registers.store(at, value);
  }

  /**
   * Software is to write 0 to what an absent feature leaves reserved (RsvdZ): Linux does so to the
   * upper message address of a unit without EIM.
   */
  private boolean isZeroToZero(int at, int value) {
    return value == 0 && registers.read(at, WORD) == 0;
  }

  /** What the write of a word sets off; registers hold the new value. */
  private void written(int at, long value) {
    switch (at) {
      case VtdRegisters.GCMD -> exclusively(() -> commands.run(value));
      case VtdRegisters.CCMD + WORD -> exclusively(registerInvalidation::context);
      case VtdRegisters.FSTS -> {
        faults.written();
        long stops = FaultStatus.IQE.mask() | FaultStatus.ITE.mask();
        if ((value & stops) != 0) {
          exclusively(runQueue);
        }
      }
      case VtdRegisters.FECTL -> faultEvent.controlWritten();
      case VtdRegisters.PMEN -> exclusively(commands::protect);
      case VtdRegisters.IQT -> exclusively(runQueue);
      case VtdRegisters.IQA -> queue.addressWritten();
      case VtdRegisters.ICS -> commands.completionWritten(completionEvent);
      case VtdRegisters.IECTL -> completionEvent.controlWritten();
      case VtdRegisters.PRS -> pages.statusWritten();
      case VtdRegisters.PECTL -> pageEvent.controlWritten();
      default -> {
        if (at == layout.iva + 8 + WORD) {
          exclusively(registerInvalidation::translations);
        } else if (isEndOfRecord(at)) {
          faults.written();
        }
      }
    }
  }

  /** Whether bit 31 at this offset is the F of a fault recording register. */
  private boolean isEndOfRecord(int at) {
    int from = at - layout.frcd;
    return from >= 0 && from < 16 * layout.records && from % 16 == 12;
  }

  /**
   * Does something that may wait for device threads, after what other vCPUs have under way. What a
   * callback of the embedder sets off from within is left to the work it interrupts.
   */
  private void exclusively(Runnable work) {
    if (engine.isHeldByCurrentThread()) {
      return;
    }
    if (!engine.tryLock()) {
      outside(engine::lock);
    }
    try {
      work.run();
    } finally {
      engine.unlock();
    }
  }

  /**
   * Does something with the whole state, after what other vCPUs have under way. A callback of the
   * embedder may do so from within a command, which then ends.
   */
  private void asAWhole(Runnable work) {
    if (engine.isHeldByCurrentThread()) {
      work.run();
    } else {
      exclusively(work);
    }
  }

  /** Changes with each reset and restore. */
  int epoch() {
    return epoch;
  }

  @Override
  @Nullable Stall fault(Port port, FaultRecord fault) {
    if (fault.isRecorded()) {
      faults.post(fault.word(0), fault.word(1));
    }
    return null;
  }

  @Override
  void withdraw(Stall stall) {}

  @Override
  void pageRequest(Port port, long iova, int access, int group, boolean last) {
    pages.request(port.sourceId(), port.pasid(), iova, access, group, last);
  }

  /** RTADDR in force. */
  long rootInForce() {
    return commands.rootInForce();
  }

  /** Whether translation is on. */
  boolean isTranslating() {
    return registers.has(VtdRegisters.GSTS, GlobalStatus.TES.mask());
  }

  /** Writes the status of a wait; false if there is no memory that takes it. */
  boolean writeStatus(long address, int data) {
    boolean written = QueueMemory.write32(options().memory(), address, data);
    if (!written) {
      guestErrors()
          .count("status of a wait cannot be written, no memory there", "invalidation queue");
    }
    return written;
  }

  @Override
  void clear() {
    asAWhole(
        () -> {
          epoch++;
          registers.reset();
          faults.adopt(0);
          queue.adopt(0, 0);
          commands.adopt(0, 0);
          settleReplaced(Stall.Decision.ABORT);
        });
  }

  @Override
  Snapshot save() {
    Snapshot.Builder builder = new Snapshot.Builder("vtd");
    asAWhole(() -> save(builder));
    return builder.build();
  }

  private void save(Snapshot.Builder builder) {
    for (Register one : registers.registers()) {
      builder.put(one.name(), registers.get(one));
    }
    builder.put("next-record", faults.next());
    builder.put("IQA-in-force", queue.latched());
    builder.put("aborted", queue.aborted());
    builder.put("RTADDR-in-force", commands.rootInForce());
    builder.put("IRTA-in-force", commands.interruptTableInForce());
  }

  @Override
  void load(Snapshot snapshot) {
    VtdState state = VtdState.of(snapshot, layout, registers);
    asAWhole(
        () -> {
          epoch++;
          state.values().forEach(registers::set);
          faults.adopt(state.nextRecord());
          queue.adopt(state.queueAddress(), state.aborted());
          commands.adopt(state.root(), state.interruptTable());
          settleReplaced(Stall.Decision.RETRY);
          queue.run();
        });
  }

  /** The registers that translation depends on, as they are in force. */
  Map<String, Long> inForce() {
    Map<String, Long> values = new TreeMap<>();
    values.put("GSTS", registers.get32(VtdRegisters.GSTS) & GlobalStatus.TES.mask());
    values.put("RTADDR", commands.rootInForce());
    values.put("PMEN", registers.get32(VtdRegisters.PMEN) & ProtectedMemoryEnable.PRS.mask());
    values.put("PLMBASE", registers.get32(VtdRegisters.PLMBASE));
    values.put("PLMLIMIT", registers.get32(VtdRegisters.PLMLIMIT));
    values.put("PHMBASE", registers.get64(VtdRegisters.PHMBASE));
    values.put("PHMLIMIT", registers.get64(VtdRegisters.PHMLIMIT));
    return values;
  }
}
