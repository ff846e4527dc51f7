package dev.nestwalk.live;

import dev.nestwalk.dma.Access;
import java.lang.foreign.MemorySegment;

/**
 * A function's way to memory, for one requester. What is refused was reported to the unit.
 *
 * <p>Threads: belongs to the function's device thread.
 */
interface Dma {
  /**
   * Reads.
   *
   * @return how many bytes were read: less than all after a refusal
   */
  long read(long address, MemorySegment into);

  /**
   * Writes.
   *
   * @return how many bytes were written: less than all after a refusal
   */
  long write(long address, MemorySegment from);

  /**
   * A locked read and write of one naturally aligned operand, as a PCIe AtomicOp.
   *
   * @param size 4 or 8 bytes
   * @param expected what a compare-and-swap expects
   * @param old takes the value before
   * @return false after a refusal
   */
  boolean atomic(long address, int size, Atomic operation, long operand, long expected, long[] old);

  /** What an atomic access does. */
  enum Atomic {
    /** Adds. */
    FETCH_ADD,
    /** Replaces. */
    SWAP,
    /** Replaces what is as expected. */
    COMPARE_AND_SWAP
  }

  /**
   * Asks for a translation (PCIe ATS) of one address.
   *
   * @param access {@link Access#READ}, or with {@link Access#WRITE}
   * @return a packed answer, which {@link dev.nestwalk.dma.AtsReply} reads
   */
  long requestTranslation(long address, int access);

  /**
   * Reads or writes with an address that a translation request was answered with (AT = 10b).
   *
   * @param data read into, or written
   * @return how many bytes were moved: less than all after a refusal
   */
  long moveTranslated(long address, MemorySegment data, boolean write);

  /**
   * Asks software for a page (PCIe PRI), in a group of its own.
   *
   * @param access {@link Access#READ}, or with {@link Access#WRITE}
   */
  void requestPage(long address, int access);

  /** The architectural code of the last refusal. */
  int refusal();

  /** Gives a requester's way to memory to the calling thread. */
  @FunctionalInterface
  interface Source {
    /**
     * Opens a way.
     *
     * @param sourceId requester id or StreamID
     * @param pasid PASID or SubstreamID, -1 for none
     */
    Dma open(int sourceId, int pasid);
  }
}
