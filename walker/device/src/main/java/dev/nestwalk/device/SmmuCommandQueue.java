package dev.nestwalk.device;

import dev.nestwalk.SmmuInvalidations;
import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.Command;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.GlobalError;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.QueueIndex;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The command queue (IHI 0070, 4.1, 7.1): fetches commands and carries them out in order, on the
 * thread of the vCPU that rang. A command that is wrong stops it at that command until software has
 * acknowledged the error; then the same slot is read again.
 *
 * <p>A ring consumes at most one queue length. A vCPU that rings while another is at it waits for
 * its turn, outside the unit's lock, so nobody's commands are left behind and nobody serves others
 * for ever.
 *
 * <p>Threads: under the unit's lock, which is free while a CMD_SYNC waits for device threads and
 * while a device drops what it keeps.
 */
final class SmmuCommandQueue {
  /** CMDQ_CONS.ERR. */
  private static final int CERROR_ILL = 1;

  private static final int CERROR_ABT = 2;
  private static final int CERROR_ATC_INV_SYNC = 3;

  private static final int COMMAND_BYTES = 16;
  private static final int CS_INTERRUPT = 1;

  /** CMD_ATC_INV.SIZE from which everything is meant. */
  private static final int ATC_EVERYTHING = 52;

  private final SmmuUnit unit;
  private final SmmuRegisters registers;
  private final SmmuErrors errors;
  private final SmmuInterrupts interrupts;
  private final SmmuStalls stalls;
  private final SmmuQueue queue;
  private final GuestMemory memory;
  private final SmmuInvalidations invalidations;

  /** Held by the vCPU that consumes; taken only while the unit's lock is free, or by trying. */
  private final ReentrantLock turn = new ReentrantLock(true);

  /** Since the last CMD_SYNC a device did not answer an invalidation. */
  private boolean unanswered;

  /** The thread that consumes was rung again by its own callbacks. */
  private boolean rungWithin;

  /** Counts resets: a command under way at that time has no effect. */
  private int epoch;

  SmmuCommandQueue(
      SmmuUnit unit,
      SmmuRegisters registers,
      SmmuErrors errors,
      SmmuInterrupts interrupts,
      SmmuStalls stalls) {
    this.unit = unit;
    this.registers = registers;
    this.errors = errors;
    this.interrupts = interrupts;
    this.stalls = stalls;
    memory = unit.options().memory();
    invalidations = unit.iommu().smmuInvalidations();
    queue =
        new SmmuQueue(
            registers,
            SmmuRegister.CMDQ_BASE,
            SmmuRegister.CMDQ_PROD,
            SmmuRegister.CMDQ_CONS,
            Idr1.CMDQS.get(registers.get(SmmuRegister.IDR1)),
            COMMAND_BYTES);
  }

  /** Whether a vCPU is consuming, so that CMDQEN = 0 cannot be acknowledged yet. */
  boolean isBusy() {
    return turn.isLocked();
  }

  boolean isUnanswered() {
    return unanswered;
  }

  /** Forgets what was under way. */
  void reset(boolean nowUnanswered) {
    unanswered = nowUnanswered;
    epoch++;
  }

  /** Consumes what is there, if the queue runs. */
  void ring() {
    if (turn.isHeldByCurrentThread()) {
      rungWithin = true;
      return;
    }
    if (!turn.tryLock()) {
      unit.outside(turn::lock);
    }
    try {
      consume();
      registers.set(
          SmmuRegister.CR0ACK,
          registers.get(SmmuRegister.CR0ACK)
              & (registers.get(SmmuRegister.CR0) | ~Cr0.CMDQEN.mask()));
    } finally {
      turn.unlock();
    }
  }

  private void consume() {
    int budget = queue.entries();
    rungWithin = false;
    while (budget > 0 && isRunning() && step()) {
      budget = rungWithin ? queue.entries() : budget - 1;
      rungWithin = false;
    }
  }

  private boolean isRunning() {
    if (!registers.has(SmmuRegister.CR0, Cr0.CMDQEN)
        || errors.isActive(GlobalError.CMDQ_ERR)
        || unit.isFailed()
        || queue.isEmpty()) {
      return false;
    }
    if (queue.used() > queue.entries()) {
      unit.guestErrors().count("more commands than the queue has entries", "CMDQ_PROD");
      return false;
    }
    return true;
  }

  /** Carries a command out; false if the queue stops at it. */
  private boolean step() {
    long at = queue.address(queue.cons());
    int run = memory.find(at);
    int secondRun = memory.find(at + 8);
    if (run < 0 || secondRun < 0) {
      return stop(CERROR_ABT, "CERROR_ABT, command not readable");
    }
    long w0 = memory.load(run, at);
    long w1 = memory.load(secondRun, at + 8);
    if (submit(w0, w1) != SmmuInvalidations.DONE) {
      return stop(CERROR_ILL, "CERROR_ILL, opcode 0x%02x".formatted(Command.OPCODE.get(w0)));
    }
    switch ((int) Command.OPCODE.get(w0)) {
      case Command.SYNC -> {
        return sync(w0, w1);
      }
      case Command.ATC_INV -> {
        int before = epoch;
        invalidateDevice(w0, w1);
        if (epoch != before) {
          return false;
        }
      }
      case Command.PRI_RESP -> respond(w0, w1);
      case Command.RESUME -> resume(w0, w1);
      case Command.STALL_TERM -> stalls.terminate((int) Command.SID.get(w0));
      default -> {}
    }
    advance();
    return true;
  }

  private void advance() {
    registers.set(SmmuRegister.CMDQ_CONS, queue.after(queue.cons()));
  }

  private boolean stop(int error, String why) {
    unit.guestErrors().count(why, "CMDQ");
    long index = registers.get(SmmuRegister.CMDQ_CONS) & QueueIndex.INDEX.mask();
    registers.set(SmmuRegister.CMDQ_CONS, index | (long) error << QueueIndex.ERR.lo());
    errors.raise(GlobalError.CMDQ_ERR);
    return false;
  }

  /** Software acknowledged the error: without one, ERR has no meaning. */
  void resume() {
    registers.set(
        SmmuRegister.CMDQ_CONS, registers.get(SmmuRegister.CMDQ_CONS) & ~QueueIndex.ERR.mask());
    ring();
  }

  /** Legality and invalidations; with a VMID wildcard (CR0.VMW) everything of every VMID goes. */
  private int submit(long w0, long w1) {
    int verdict = invalidations.submit(w0, w1);
    if (verdict == SmmuInvalidations.DONE && registers.has(SmmuRegister.CR0, Cr0.VMW)) {
      int opcode = (int) Command.OPCODE.get(w0);
      boolean byVmid =
          opcode >= Command.TLBI_NH_ALL && opcode <= Command.TLBI_NH_VAA
              || opcode == Command.TLBI_S12_VMALL
              || opcode == Command.TLBI_S2_IPA;
      if (byVmid) {
        invalidations.all();
      }
    }
    return verdict;
  }

  /** CMD_SYNC (4.7.3): everything before it is complete when CONS passes it. */
  private boolean sync(long w0, long w1) {
    int before = epoch;
    unit.settle();
    if (epoch != before || unit.isFailed()) {
      return false;
    }
    if (unanswered) {
      unanswered = false;
      return stop(CERROR_ATC_INV_SYNC, "CERROR_ATC_INV_SYNC, a device did not answer");
    }
    advance();
    if (Command.CS.get(w0) == CS_INTERRUPT) {
      long address = address(w1, Command.MSIADDRESS);
      int data = (int) Command.MSIDATA.get(w0);
      if (!interrupts.send(address, data, InterruptLine.CMD_SYNC)) {
        errors.raise(GlobalError.MSI_CMDQ_ABT_ERR);
      }
    }
    return true;
  }

  private static long address(long word, Field field) {
    return word & field.mask();
  }

  /** CMD_ATC_INV (4.5.1): the device drops what it keeps; the next CMD_SYNC hears how it went. */
  private void invalidateDevice(long w0, long w1) {
    if (!registers.has(SmmuRegister.CR0, Cr0.SMMUEN)) {
      return;
    }
    int size = (int) Command.ATC_SIZE.get(w1);
    boolean everything = size >= ATC_EVERYTHING;
    long mask = everything ? 0 : -4096L << size;
    long first = address(w1, Command.ADDRESS) & mask;
    long last = first | ~mask;
    boolean ofSubstream = Command.SSV.in(w0);
    boolean global = ofSubstream && Command.GLOBAL.in(w0);
    int substream = ofSubstream ? (int) Command.SSID.get(w0) : -1;
    int stream = (int) Command.SID.get(w0);
    DeviceTlb devices = unit.options().deviceTlb();
    var completion = new DeviceTlb.Completion[1];
    unit.outside(() -> completion[0] = devices.invalidate(stream, substream, first, last, global));
    if (completion[0] == DeviceTlb.Completion.TIMED_OUT) {
      unanswered = true;
    }
  }

  /** CMD_PRI_RESP (4.5.2). */
  private void respond(long w0, long w1) {
    if (!registers.has(SmmuRegister.CR0, Cr0.SMMUEN)) {
      return;
    }
    PageResponses.Code code =
        switch ((int) Command.RESP.get(w1)) {
          case 0 -> PageResponses.Code.FAILURE;
          case 1 -> PageResponses.Code.INVALID;
          default -> PageResponses.Code.SUCCESS;
        };
    int substream = Command.SSV.in(w0) ? (int) Command.SSID.get(w0) : -1;
    int group = (int) Command.PRGINDEX.get(w1);
    unit.options().pageResponses().respond((int) Command.SID.get(w0), substream, group, code);
  }

  /** CMD_RESUME (4.6.1). */
  private void resume(long w0, long w1) {
    boolean known =
        stalls.resume(
            (int) Command.SID.get(w0),
            (int) Command.STAG.get(w1),
            Command.AC.in(w0),
            Command.AB.in(w0));
    if (!known) {
      unit.guestErrors().count("no access is stalled with this tag", "CMD_RESUME");
    }
  }
}
