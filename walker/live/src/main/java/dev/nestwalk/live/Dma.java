package dev.nestwalk.live;

import dev.nestwalk.dma.Access;
import java.lang.foreign.MemorySegment;

/**
 * A function's access to memory, for one requester. Refusals are reported to the unit as well.
 *
 * <p>Threads: belongs to the function's device thread.
 */
interface Dma {
  /**
   * Reads memory.
   *
   * @return number of bytes read; less than all after a refusal
   */
  long read(long address, MemorySegment into);

  /**
   * Writes memory.
   *
   * @return number of bytes written; less than all after a refusal
   */
  long write(long address, MemorySegment from);

  /**
   * Reads and writes one naturally aligned operand atomically, as a PCIe AtomicOp.
   *
   * @param size 4 or 8 bytes
   * @param expected the value that a compare-and-swap expects
   * @param old receives the previous value
   * @return false after a refusal
   */
  boolean atomic(long address, int size, Atomic operation, long operand, long expected, long[] old);

  /** The kinds of atomic operations. */
  enum Atomic {
    /** Adds. */
    FETCH_ADD,
    /** Replaces. */
    SWAP,
    /** Replaces if the value is the expected one. */
    COMPARE_AND_SWAP
  }

  /**
   * Requests the translation (PCIe ATS) of one address.
   *
   * @param access {@link Access#READ}, or with {@link Access#WRITE}
   * @return a packed answer; {@link dev.nestwalk.dma.AtsReply} decodes it
   */
  long requestTranslation(long address, int access);

  /**
   * Reads or writes at an address that a translation request returned (AT = 10b).
   *
   * @param data destination or source
   * @return number of bytes moved; less than all after a refusal
   */
  long moveTranslated(long address, MemorySegment data, boolean write);

  /**
   * Requests a page from software (PCIe PRI), in a group of its own.
   *
   * @param access {@link Access#READ}, or with {@link Access#WRITE}
   * @return whether the request was made
   */
  boolean requestPage(long address, int access);

  /** The architectural code of the last refusal. */
  int refusal();

  /** Gives the calling thread a requester's access to memory. */
  @FunctionalInterface
  interface Source {
    /**
     * Opens an access to memory.
     *
     * @param sourceId requester id or StreamID
     * @param pasid PASID or SubstreamID, -1 for none
     */
    Dma open(int sourceId, int pasid);
  }
}
