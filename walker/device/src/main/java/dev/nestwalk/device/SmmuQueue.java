package dev.nestwalk.device;

import dev.nestwalk.smmu.QueueBase;
import dev.nestwalk.smmu.QueueIndex;

/**
 * Place and indexes of a queue in memory (IHI 0070, 3.5): 2^n entries; index n bits, wrap bit n.
 *
 * <p>Threads: under the unit's lock.
 */
final class SmmuQueue {
  /** Most entries of any queue, log2 (6.3.2). */
  static final int MAX_LOG2 = 19;

  private static final long MIN_ALIGNMENT = 32;

  private final SmmuRegisters registers;
  private final SmmuRegister base;
  private final SmmuRegister prod;
  private final SmmuRegister cons;
  private final int mostLog2;
  private final int entryBytes;

  /**
   * A queue.
   *
   * @param mostLog2 capability: log2 of its entries at most
   */
  SmmuQueue(
      SmmuRegisters registers,
      SmmuRegister base,
      SmmuRegister prod,
      SmmuRegister cons,
      long mostLog2,
      int entryBytes) {
    this.registers = registers;
    this.base = base;
    this.prod = prod;
    this.cons = cons;
    this.mostLog2 = (int) Math.min(MAX_LOG2, mostLog2);
    this.entryBytes = entryBytes;
  }

  /** Number of entries. LOG2SIZE reads back as written; its use is capped (6.3.26). */
  int entries() {
    return 1 << Math.min((int) QueueBase.LOG2SIZE.get(registers.get(base)), mostLog2);
  }

  /** Index and wrap bit, the rest being software's to keep. */
  int prod() {
    return pointer(registers.get(prod));
  }

  int cons() {
    return pointer(registers.get(cons));
  }

  private int pointer(long register) {
    return (int) QueueIndex.INDEX.get(register) & 2 * entries() - 1;
  }

  /** The pointer after another. */
  int after(int pointer) {
    return pointer + 1 & 2 * entries() - 1;
  }

  boolean isEmpty() {
    return used() == 0;
  }

  boolean isFull() {
    return used() >= entries();
  }

  /** Entries between the pointers; more than there are if these are inconsistent. */
  int used() {
    return prod() - cons() & 2 * entries() - 1;
  }

  /** Where an entry is. */
  long address(int pointer) {
    long alignment = Math.max((long) entryBytes * entries(), MIN_ALIGNMENT);
    long first = registers.get(base) & QueueBase.ADDR.mask() & -alignment;
    return first + (long) (pointer & entries() - 1) * entryBytes;
  }
}
