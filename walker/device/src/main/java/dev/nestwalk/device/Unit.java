package dev.nestwalk.device;

import dev.nestwalk.Iommu;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.memory.MemoryRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A whole IOMMU: registers, queues, faults, interrupts. An emulator sends accesses to its register
 * pages here and gives each device a {@link Port}.
 *
 * <p>Threads: vCPUs call {@link #mmioRead} and {@link #mmioWrite} from any thread; one at a time is
 * served, under the unit's lock. A write that sets off invalidations may wait for device threads
 * that are in the middle of an access; it does so outside the lock. A thread that waits so uses no
 * earlier answer of its own ports afterwards: another one may be waiting for those.
 */
public abstract class Unit {
  private final Iommu iommu;
  private final UnitOptions options;
  private final GuestErrors guestErrors = new GuestErrors();
  private final Map<Thread, DmaThread> threads = new ConcurrentHashMap<>();
  private final ReentrantLock lock = new ReentrantLock();

  /** Resets and restores under way. */
  private int replacements;

  /** Accesses that were refused while a state was replaced. */
  private final List<Stall> refusedMeanwhile = new ArrayList<>();

  Unit(Iommu iommu, UnitOptions options) {
    this.iommu = iommu;
    this.options = options;
  }

  /**
   * A guest's read of a register. Never throws: what no register answers reads as zero and is
   * counted in the {@link #guestErrors}.
   *
   * @param offset bytes from the beginning of the first register page
   * @param size bytes
   * @return the value, zero-extended
   */
  public final long mmioRead(long offset, int size) {
    if (!isRegular(offset, size)) {
      guestErrors.count("read of odd size or place", describe(offset, size));
      return 0;
    }
    lock.lock();
    try {
      return read(offset, size);
    } finally {
      lock.unlock();
    }
  }

  /**
   * A guest's write of a register. Never throws: an access that no register takes is ignored and
   * counted in the {@link #guestErrors}. The effects of a write are complete when this returns,
   * unless another vCPU is carrying them out already.
   *
   * @param offset bytes from the beginning of the first register page
   * @param size bytes
   * @param value bits above {@code size} are ignored
   */
  public final void mmioWrite(long offset, int size, long value) {
    if (!isRegular(offset, size)) {
      guestErrors.count("write of odd size or place", describe(offset, size));
      return;
    }
    lock.lock();
    try {
      write(offset, size, size == 4 ? value & 0xffff_ffffL : value);
    } finally {
      lock.unlock();
    }
  }

  private static boolean isRegular(long offset, int size) {
    return (size == 4 || size == 8) && (offset & size - 1) == 0;
  }

  private static String describe(long offset, int size) {
    return "%d bytes at 0x%x".formatted(size, offset);
  }

  /** A port for the calling thread whose requests carry no PASID. */
  public final Port port(int sourceId) {
    return port(sourceId, -1);
  }

  /**
   * A port through which a device reaches memory. It belongs to the calling thread, and ports of
   * one thread share caches: ask once and keep it.
   *
   * @param sourceId requester id (VT-d, 16 bits) or StreamID (SMMUv3, 32 bits)
   * @param pasid PASID or SubstreamID, 20 bits, or -1 for requests without one
   * @throws IllegalArgumentException for a source id or PASID that no request can have
   */
  public final Port port(int sourceId, int pasid) {
    threads.keySet().removeIf(thread -> !thread.isAlive());
    DmaThread mine =
        threads.computeIfAbsent(
            Thread.currentThread(),
            ignored -> new DmaThread(iommu.newTranslator(options.caches())));
    return new Port(this, mine, mine.translator.endpoint(sourceId, pasid));
  }

  /** Says that the calling thread no longer uses any answer of its ports. */
  public final void done() {
    DmaThread mine = threads.get(Thread.currentThread());
    if (mine != null) {
      mine.release();
    }
  }

  /** A bell for a device's thread to wait at. */
  public final Doorbell doorbell() {
    return new Doorbell();
  }

  /** Translation behind this unit, for restrictions and counters. */
  public final Iommu iommu() {
    return iommu;
  }

  /** Accesses and commands of the guest that were ignored. */
  public final GuestErrors guestErrors() {
    return guestErrors;
  }

  /** The options that the embedder gave. */
  public final UnitOptions options() {
    return options;
  }

  /** Does something under the lock. */
  final void locked(Runnable work) {
    lock.lock();
    try {
      work.run();
    } finally {
      lock.unlock();
    }
  }

  /** Resets the unit: registers as after power-on, caches empty, translation off. */
  public final void reset() {
    lock.lock();
    try {
      clear();
    } finally {
      lock.unlock();
    }
  }

  /** Takes a snapshot, for {@link #restore}. Device threads must not do DMA meanwhile. */
  public final Snapshot snapshot() {
    lock.lock();
    try {
      return save();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Restores a state. No interrupt is sent for what it holds.
   *
   * @throws IllegalArgumentException if the state cannot be one of this unit's; then nothing
   *     changed
   */
  public final void restore(Snapshot snapshot) {
    lock.lock();
    try {
      load(snapshot);
    } finally {
      lock.unlock();
    }
  }

  /** For ports: whether a write of 32 bits to this physical address is an interrupt message. */
  final boolean isDoorbell(long address) {
    for (MemoryRange range : options.doorbells()) {
      if (Long.compareUnsigned(address, range.first()) >= 0
          && Long.compareUnsigned(address, range.last()) <= 0) {
        return true;
      }
    }
    return false;
  }

  /** For ports: a refused access; the stall that holds it, or null if it ends. */
  final @Nullable Stall post(Port port, FaultRecord fault) {
    lock.lock();
    try {
      if (replacements > 0) {
        Stall stall = new Stall(fault.iova());
        refusedMeanwhile.add(stall);
        return stall;
      }
      return fault(port, fault);
    } finally {
      lock.unlock();
    }
  }

  /** For ports: the device gave up waiting. */
  final void giveUp(Stall stall) {
    lock.lock();
    try {
      if (!refusedMeanwhile.remove(stall)) {
        withdraw(stall);
      }
    } finally {
      lock.unlock();
    }
  }

  /** For ports: a page request. */
  final void request(Port port, long iova, int access, int group, boolean last) {
    lock.lock();
    try {
      pageRequest(port, iova, access, group, last);
    } finally {
      lock.unlock();
    }
  }

  // For the units. Called with the lock held.

  /** A read of 4 or 8 bytes, aligned to them. */
  abstract long read(long offset, int size);

  /** A write of 4 or 8 bytes, aligned to them. */
  abstract void write(long offset, int size, long value);

  /**
   * A refused access, on the device's thread: records it where the architecture does.
   *
   * @return the stall that holds it, or null if the access ends
   */
  abstract @Nullable Stall fault(Port port, FaultRecord fault);

  /** The device no longer waits for a stall, which becomes free. */
  abstract void withdraw(Stall stall);

  /** A page request (PCIe PRI), on the device's thread. */
  abstract void pageRequest(Port port, long iova, int access, int group, boolean last);

  /** Resets. */
  abstract void clear();

  abstract Snapshot save();

  abstract void load(Snapshot snapshot);

  /**
   * Puts registers in force for translation: later accesses use them, those under way these or the
   * ones before. To know when nobody uses the ones before, {@link #settle}.
   *
   * @param registers by name, as {@link Iommu} takes them
   * @param mayKeep whether the architecture lets caches survive this change; they do if the
   *     embedder wants it too
   */
  final void reconfigure(Map<String, Long> registers, boolean mayKeep) {
    iommu.reconfigure(registers, mayKeep && options.keepsCaches());
  }

  /**
   * Waits until no device thread uses anything that was invalidated or reconfigured before. The
   * lock is free meanwhile, so registers may have changed when this returns; call it from the
   * outermost use of the lock only.
   */
  final void settle() {
    outside(
        () -> {
          boolean interrupted = false;
          boolean settled = false;
          while (!settled) {
            try {
              List<Iommu.Laggard> laggards = iommu.sync(1, TimeUnit.SECONDS);
              laggards.forEach(one -> guestErrors.count("waited a second for", one.toString()));
              settled = laggards.isEmpty();
            } catch (InterruptedException e) {
              // The guest must not see the wait completed before it is: the thread is told later.
              interrupted = true;
            }
          }
          if (interrupted) {
            Thread.currentThread().interrupt();
          }
        });
  }

  /**
   * Waits as {@link #settle} does after a reset or restore. What is refused meanwhile may be an
   * access from before, which the new state must not record; nor would it be right to lose one from
   * after. So it is held, and ends then.
   *
   * @param end {@link Stall.Decision#ABORT} or {@link Stall.Decision#RETRY}
   */
  final void settleReplaced(Stall.Decision end) {
    replacements++;
    try {
      settle();
    } finally {
      replacements--;
      if (replacements == 0) {
        refusedMeanwhile.forEach(stall -> stall.decide(end));
        refusedMeanwhile.clear();
      }
    }
  }

  /**
   * Does something that may wait for others, the lock being free meanwhile. Nobody waits for this
   * thread's ports then, or two threads that are vCPU and device in one could wait for each other.
   */
  final void outside(Runnable work) {
    if (lock.getHoldCount() != 1) {
      throw new IllegalStateException("unit used by its own interrupt sink");
    }
    DmaThread.standAside();
    lock.unlock();
    try {
      work.run();
    } finally {
      lock.lock();
      DmaThread.comeBack();
    }
  }
}
