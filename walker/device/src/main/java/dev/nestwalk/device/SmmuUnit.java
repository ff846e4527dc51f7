package dev.nestwalk.device;

import dev.nestwalk.Iommu;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.format.Field;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.Cr2;
import dev.nestwalk.smmu.EventRecord;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.smmu.Gbpa;
import dev.nestwalk.smmu.GlobalError;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.Idr5;
import dev.nestwalk.smmu.SmmuCapabilities;
import dev.nestwalk.smmu.StreamProbe;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An Arm SMMUv3, Non-secure programming interface (IHI 0070, 6.1 to 6.3): two register pages, the
 * command, event and page request queues, global errors, interrupts, and stalls.
 *
 * <p>What the architecture leaves open is decided as it asks for from version 3.2 on: writes of
 * guarded fields are ignored (and counted in the {@link #guestErrors}); UNKNOWN reset values are 0;
 * registers of absent features read as zero. The page-0 aliases of the queue indexes are not there.
 *
 * <p>Threads: as {@link Unit} says.
 */
public final class SmmuUnit extends Unit {
  /** Bytes of address space: two pages of 64 KiB. */
  public static final long SIZE = 0x2_0000;

  private static final long TRANSLATION_ENABLES =
      Cr0.SMMUEN.mask() | Cr0.ATSCHK.mask() | Cr0.VMW.mask();

  /** What translation takes of the ID registers. */
  private static final List<SmmuRegister> CONSTANTS =
      List.of(SmmuRegister.IDR0, SmmuRegister.IDR1, SmmuRegister.IDR3, SmmuRegister.IDR5);

  private final SmmuRegisters registers;
  private final SmmuErrors errors;
  private final SmmuEventQueue events;
  private final SmmuPageQueue pages;
  private final SmmuStalls stalls;
  private final SmmuCommandQueue commands;

  private final SmmuRegisters.Written written = this::written;

  /** An event on its way to the queue. */
  private final long[] event = new long[EventRecord.TRANSLATION.words()];

  private boolean failed;

  /** Counts changes of what translation follows; the last one acknowledges. */
  private int changes;

  private SmmuUnit(
      Iommu iommu, UnitOptions options, Map<String, Long> capabilities, int addressBits) {
    super(iommu, options);
    registers = new SmmuRegisters(capabilities, guestErrors());
    SmmuInterrupts interrupts =
        new SmmuInterrupts(registers, options.memory(), options.interrupts(), addressBits);
    errors = new SmmuErrors(registers, interrupts, guestErrors());
    events = new SmmuEventQueue(registers, errors, options.memory(), guestErrors());
    pages =
        new SmmuPageQueue(
            registers,
            errors,
            options.memory(),
            options.pageResponses(),
            this::responsePasid,
            guestErrors());
    stalls = new SmmuStalls(registers, events);
    commands = new SmmuCommandQueue(this, registers, errors, interrupts, stalls);
  }

  /**
   * An SMMUv3 after reset.
   *
   * @param options memory, interrupts, devices
   * @param registers by architectural name: IDR0, IDR1, IDR5; optional IDR2 to IDR4, IIDR, AIDR,
   *     and GBPA, whose reset value is implementation defined. Others are ignored
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static SmmuUnit of(UnitOptions options, Map<String, Long> registers) {
    SmmuCapabilities capabilities = SmmuCapabilities.of(registers);
    refuse(capabilities.idr0(), "IDR0", Idr0.ATOS, Idr0.VATOS);
    refuse(
        capabilities.idr1(), "IDR1", Idr1.REL, Idr1.QUEUES_PRESET, Idr1.TABLES_PRESET, Idr1.ECMDQ);
    boolean stalls = Idr0.STALL_MODEL.get(capabilities.idr0()) != 1;
    if (stalls && Idr5.STALL_MAX.get(capabilities.idr5()) == 0) {
      throw new IllegalArgumentException(
          "IDR5.STALL_MAX is 0: expected at least 1 where IDR0.STALL_MODEL allows stalls");
    }
    Map<String, Long> off = new HashMap<>();
    for (SmmuRegister constant : CONSTANTS) {
      off.put(constant.name(), registers.getOrDefault(constant.name(), 0L));
    }
    off.put("CR0", 0L);
    SmmuUnit unit =
        new SmmuUnit(
            Iommu.smmuv3(options.memory(), off), options, registers, capabilities.outputSize());
    unit.reconfigure(unit.effective(), false);
    return unit;
  }

  /** A guest that sees these would use registers that are not there. */
  private static void refuse(long register, String name, Field... absent) {
    for (Field field : absent) {
      if (field.in(register)) {
        throw new IllegalArgumentException(
            "%s.%s is 1: expected 0, this unit has no such thing".formatted(name, field.name()));
      }
    }
  }

  /**
   * Service failure mode (IHI 0070, 12.3): traffic is aborted, commands and events stop, and only a
   * reset ends it. For embedders that teach or test what a driver does then.
   */
  public void fail() {
    locked(
        () -> {
          errors.raise(GlobalError.SFM_ERR);
          failed = true;
          stalls.endAll(Stall.Decision.ABORT);
          change();
        });
  }

  boolean isFailed() {
    return failed;
  }

  @Override
  long read(long offset, int size) {
    return registers.read(offset, size);
  }

  @Override
  void write(long offset, int size, long value) {
    registers.write(offset, size, value, written);
  }

  private void written(SmmuRegister register, long value) {
    switch (register) {
      case CR0 -> control(value);
      case GBPA -> bypass(value);
      case IRQ_CTRL -> {
        registers.set(register, value);
        registers.set(SmmuRegister.IRQ_CTRLACK, value);
      }
      case GERRORN -> acknowledge(value);
      case CMDQ_PROD -> {
        registers.set(register, value);
        commands.ring();
      }
      case EVENTQ_CONS -> {
        registers.set(register, value);
        stalls.writeRecords();
      }
      default -> registers.set(register, value);
    }
  }

  /** CR0 (6.3.9): each field by itself, in force when CR0ACK shows it. */
  private void control(long value) {
    long before = registers.get(SmmuRegister.CR0);
    long changed = before ^ value;
    registers.set(SmmuRegister.CR0, value);
    long busy = commands.isBusy() ? Cr0.CMDQEN.mask() & ~value : 0;
    show(~TRANSLATION_ENABLES & ~busy);
    if ((changed & value & Cr0.EVENTQEN.mask()) != 0) {
      stalls.writeRecords();
    }
    if ((changed & TRANSLATION_ENABLES) != 0) {
      if ((changed & before & Cr0.SMMUEN.mask()) != 0) {
        stalls.endAll(Stall.Decision.ABORT);
      }
      change();
    }
    if ((changed & value & Cr0.CMDQEN.mask()) != 0) {
      commands.ring();
    }
  }

  /** Lets CR0ACK show CR0 in some bits. */
  private void show(long bits) {
    long ack = registers.get(SmmuRegister.CR0ACK);
    registers.set(SmmuRegister.CR0ACK, ack & ~bits | registers.get(SmmuRegister.CR0) & bits);
  }

  /**
   * Translation follows the registers as they are now; acknowledged when no device uses older ones.
   */
  private void change() {
    int mine = ++changes;
    reconfigure(effective(), true);
    settle();
    if (mine == changes) {
      show(TRANSLATION_ENABLES);
      registers.set(SmmuRegister.GBPA, registers.get(SmmuRegister.GBPA) & ~Gbpa.UPDATE.mask());
    }
  }

  /**
   * Registers as translation sees them. Events are always made; whether they are written is the
   * event queue's business.
   */
  private Map<String, Long> effective() {
    long enables = failed ? 0 : registers.get(SmmuRegister.CR0) & TRANSLATION_ENABLES;
    Map<String, Long> effective = new HashMap<>();
    effective.put("CR0", enables & ~Cr0.VMW.mask() | Cr0.EVENTQEN.mask());
    effective.put("CR2", registers.get(SmmuRegister.CR2));
    long bypass = registers.get(SmmuRegister.GBPA);
    effective.put("GBPA", failed ? bypass | Gbpa.ABORT.mask() : bypass);
    effective.put("STRTAB_BASE", registers.get(SmmuRegister.STRTAB_BASE));
    effective.put("STRTAB_BASE_CFG", registers.get(SmmuRegister.STRTAB_BASE_CFG));
    return effective;
  }

  /** GBPA (6.3.14): takes effect as a whole, with UPDATE written as 1 while it reads as 0. */
  private void bypass(long value) {
    if (!Gbpa.UPDATE.in(value)) {
      guestErrors().count("write without UPDATE", "GBPA");
    } else if (registers.has(SmmuRegister.GBPA, Gbpa.UPDATE)) {
      guestErrors().count("write while UPDATE=1", "GBPA");
    } else {
      registers.set(SmmuRegister.GBPA, value);
      change();
    }
  }

  /** GERRORN (6.3.20, 7.5). */
  private void acknowledge(long value) {
    long ended = errors.acknowledge(value);
    if (GlobalError.EVENTQ_ABT_ERR.in(ended)) {
      stalls.writeRecords();
    }
    if (GlobalError.CMDQ_ERR.in(ended)) {
      commands.resume();
    }
  }

  @Override
  @Nullable Stall fault(Port port, FaultRecord fault) {
    if (!fault.isRecorded() || failed) {
      return null;
    }
    if (EventRecord.STALL.in(fault.word(EventRecord.STALL.word()))) {
      // An access that was under way when translation was switched off ends with the others.
      return registers.has(SmmuRegister.CR0, Cr0.SMMUEN) ? stalls.hold(port, fault) : null;
    }
    for (int i = 0; i < event.length; i++) {
      event[i] = fault.word(i);
    }
    events.record(event);
    return null;
  }

  @Override
  void withdraw(Stall stall) {
    stalls.withdraw(stall);
  }

  @Override
  void pageRequest(Port port, long iova, int access, int group, boolean last) {
    SmmuPageQueue.Request asked =
        new SmmuPageQueue.Request(port.sourceId(), port.pasid(), iova, access, group, last);
    if (failed) {
      pages.refuse(asked);
    } else {
      pages.request(asked);
    }
  }

  /** STE.PPAR; where there is no valid STE, an event if software asked for such (CR2). */
  private int responsePasid(int streamId, int substreamId) {
    Map<String, Long> now = effective();
    for (SmmuRegister constant : CONSTANTS) {
      now.put(constant.name(), registers.get(constant));
    }
    StreamProbe probe = new StreamProbe(options().memory(), now);
    int code = probe.resolve(streamId);
    if (code == StreamProbe.VALID) {
      return probe.respondsWithPasid() ? 1 : 0;
    }
    boolean wanted =
        registers.has(SmmuRegister.CR2, Cr2.REC_CFG_ATS)
            && (code != EventType.C_BAD_STREAMID.code()
                || registers.has(SmmuRegister.CR2, Cr2.RECINVSID));
    if (wanted) {
      long substream = (long) substreamId << EventRecord.SUBSTREAMID.lo();
      long stream = (long) streamId << EventRecord.STREAMID.lo();
      long fetch = code == EventType.F_STE_FETCH.code() ? probe.fetchAddress() : 0;
      long[] words = {code | substream | stream | EventRecord.SSV.mask(), 0, 0, fetch};
      events.record(words);
    }
    return -1;
  }

  @Override
  void clear() {
    registers.reset();
    failed = false;
    commands.reset(false);
    stalls.endAll(Stall.Decision.ABORT);
    changes++;
    reconfigure(effective(), false);
    settleReplaced(Stall.Decision.ABORT);
  }

  @Override
  Snapshot save() {
    return SmmuState.save(registers, stalls, commands.isUnanswered(), failed);
  }

  @Override
  void load(Snapshot snapshot) {
    SmmuState state = SmmuState.of(snapshot, registers, stalls.most());
    state.registers().forEach(registers::set);
    failed = state.failed();
    commands.reset(state.unanswered());
    stalls.load(state.stalls());
    changes++;
    reconfigure(effective(), false);
    settleReplaced(Stall.Decision.RETRY);
    show(-1);
    registers.set(SmmuRegister.GBPA, registers.get(SmmuRegister.GBPA) & ~Gbpa.UPDATE.mask());
    commands.ring();
  }
}
