package dev.nestwalk.device;

import dev.nestwalk.VtdInvalidations;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultStatus;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.InvalidationDescriptor;
import dev.nestwalk.vtd.QueueRegisters;

/**
 * The invalidation queue of a VT-d unit (VT-d 6.5.2): fetches descriptors, carries them out in
 * order, and stops at the first error with the head on the descriptor in question.
 *
 * <p>Threads: guarded by the unit's engine, which one vCPU at a time holds, and by its lock, which
 * is free while device threads are waited for.
 */
final class VtdQueue {
  /** IQERCD.IQEI: the tail lies beyond the queue. */
  static final int BAD_TAIL = 1;

  /** IQERCD.IQEI: a descriptor could not be read. Also: a status could not be written. */
  static final int MEMORY = 2;

  /** IQERCD.IQEI: the tail is no multiple of the descriptors' size. */
  static final int UNALIGNED_TAIL = 6;

  private static final int PAGE = 4096;
  private static final int NARROW = 16;
  private static final int WIDE = 32;

  private final VtdUnit unit;
  private final VtdRegisters layout;
  private final RegisterBlock registers;
  private final VtdFaultLog faults;
  private final VtdDescriptors descriptors;
  private final GuestMemory memory;

  /** IQA as it was when the queue was switched on. */
  private long latched;

  /** Bytes from the head on that were queued when a device-TLB did not answer. */
  private int aborted;

  VtdQueue(
      VtdUnit unit,
      VtdRegisters layout,
      RegisterBlock registers,
      VtdFaultLog faults,
      VtdDescriptors descriptors) {
    this.unit = unit;
    this.layout = layout;
    this.registers = registers;
    this.faults = faults;
    this.descriptors = descriptors;
    memory = unit.options().memory();
  }

  /** Whether the unit can have descriptors of the width that {@code address} (IQA) asks for. */
  private boolean supportsWidth(long address) {
    return !QueueRegisters.DW.in(address) || Ecap.SMTS.in(layout.ecap) || Ecap.ADMS.in(layout.ecap);
  }

  /** Software wrote IQA; that takes effect when the queue is switched on. */
  void addressWritten() {
    if (isOn()) {
      unit.guestErrors().count("written while GSTS.QIES=1, in force from the next QIE on", "IQA");
    }
    if (!supportsWidth(registers.get64(VtdRegisters.IQA))) {
      fail(VtdInvalidations.INVALID_WIDTH, "IQA.DW=1 without ECAP.SMTS or ECAP.ADMS");
    }
  }

  /** Takes IQA over. */
  void switchOn() {
    latched = registers.get64(VtdRegisters.IQA);
    registers.set64(VtdRegisters.IQH, 0);
    aborted = 0;
  }

  /** Forgets what is in the queue. */
  void switchOff() {
    registers.set64(VtdRegisters.IQH, 0);
    aborted = 0;
  }

  private boolean isOn() {
    return registers.has(VtdRegisters.GSTS, GlobalStatus.QIES.mask());
  }

  /**
   * Carries out what is queued: at most as many descriptors as the queue holds, so that a guest
   * that moves the tail all the time keeps no vCPU but the one that does so.
   */
  void run() {
    for (int left = bytes(latched) / NARROW; left > 0 && step(); left--) {}
  }

  private static int bytes(long address) {
    return PAGE << QueueRegisters.QS.get(address);
  }

  /** Carries out one descriptor; false if there is none or the queue stands still. */
  private boolean step() {
    if (!isOn() || faults.has(FaultStatus.IQE) || faults.has(FaultStatus.ITE)) {
      return false;
    }
    boolean wide = QueueRegisters.DW.in(latched);
    if (!supportsWidth(latched)) {
      return fail(VtdInvalidations.INVALID_WIDTH, "IQA.DW=1 without ECAP.SMTS or ECAP.ADMS");
    }
    long tail = registers.get64(VtdRegisters.IQT);
    if (wide && (tail & NARROW) != 0) {
      registers.set64(VtdRegisters.IQT, tail & ~NARROW);
      return fail(UNALIGNED_TAIL, "IQT is no multiple of 32 bytes");
    }
    int end = bytes(latched);
    if (tail >= end) {
      return fail(BAD_TAIL, "IQT lies beyond the queue");
    }
    int head = (int) registers.get64(VtdRegisters.IQH);
    if (head == tail) {
      aborted = 0;
      return false;
    }
    int size = wide ? WIDE : NARROW;
    int before = unit.epoch();
    int error = carryOut((latched & QueueRegisters.IQA.mask()) + head, wide);
    if (unit.epoch() != before) {
      return false;
    }
    if (error != VtdInvalidations.DONE) {
      return fail(error, "descriptor in error, IQEI " + error);
    }
    aborted = Math.max(0, aborted - size);
    registers.set64(VtdRegisters.IQH, (head + size) % end);
    if (descriptors.hasTimedOut()) {
      // Waits behind it are never completed, whenever they are fetched (6.5.2.11).
      aborted = (int) (tail - (head + size) + end) % end;
    }
    return true;
  }

  /** Reads a descriptor, each word once, and carries it out. */
  private int carryOut(long address, boolean wide) {
    long[] words = descriptors.words;
    for (int i = 0; i < words.length; i++) {
      words[i] = 0;
      if (i < 2 || wide) {
        int run = memory.find(address + 8L * i);
        if (run < 0) {
          return MEMORY;
        }
        words[i] = memory.load(run, address + 8L * i);
      }
    }
    boolean isWait = InvalidationDescriptor.type(words[0]) == InvalidationDescriptor.WAIT;
    return descriptors.carryOut(wide, isWait && aborted > 0);
  }

  /** Stops the queue; a second error changes nothing while the first is not cleared. */
  private boolean fail(int code, String what) {
    unit.guestErrors().count(what, "invalidation queue");
    if (!faults.has(FaultStatus.IQE)) {
      long record = registers.get64(VtdRegisters.IQERCD) & ~QueueRegisters.IQEI.mask();
      registers.set64(VtdRegisters.IQERCD, record | code);
      faults.status(FaultStatus.IQE);
    }
    return false;
  }

  /** IQA in force, for a snapshot. */
  long latched() {
    return latched;
  }

  /** Bytes of the queue whose waits are aborted, for a snapshot. */
  int aborted() {
    return aborted;
  }

  /**
   * Takes a state over.
   *
   * @param address IQA in force
   * @param abortedBytes bytes from the head on whose waits are aborted
   */
  void adopt(long address, int abortedBytes) {
    latched = address;
    aborted = abortedBytes;
  }

  /** Why this cannot be the state of a queue that is on, or an empty text. */
  static String objection(long address, long head, long abortedBytes) {
    int size = QueueRegisters.DW.in(address) ? WIDE : NARROW;
    if (Long.compareUnsigned(head, bytes(address)) >= 0 || head % size != 0) {
      return "IQH %x: expected a descriptor within the queue".formatted(head);
    }
    if (Long.compareUnsigned(abortedBytes, bytes(address)) >= 0 || abortedBytes % size != 0) {
      return "aborted %x: expected descriptors within the queue".formatted(abortedBytes);
    }
    return "";
  }
}
