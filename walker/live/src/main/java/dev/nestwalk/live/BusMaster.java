package dev.nestwalk.live;

import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * A function's right to make requests: Bus Master Enable of the Command register (PCI Express Base
 * 5.0, 7.5.1.1.3). While the bit is clear no request leaves the function, whichever it is: reads,
 * writes, interrupt messages, atomic operations, translation requests. (A page request is a
 * message, which the bit does not govern; a function that may not use a page does not ask for it.)
 *
 * <p>A request that comes meanwhile is held until the guest sets the bit, or barred, as the
 * function chooses. A guest that has cleared the bit and been answered sees no request any more: if
 * one is under way, its configuration write waits for that.
 *
 * <p>Threads: {@link #changed} belongs to the socket's, what {@link #guard} returns to the
 * function's device thread.
 */
final class BusMaster {
  /**
   * Most milliseconds that a configuration write waits for a request under way. Only one that the
   * unit itself holds (SMMUv3 stall) takes so long, and the guest that has to resume it must not
   * wait for it.
   */
  private static final int PATIENCE = 1000;

  private final PciConfig config;

  /** Held by the device's thread during a request. */
  private final ReentrantLock request = new ReentrantLock();

  private final Condition change = request.newCondition();

  BusMaster(PciConfig config) {
    this.config = config;
  }

  /**
   * Puts in force what has changed: the bit, or whether requests are still wanted. When it returns,
   * a request that was under way is over, and one that is held will look again.
   */
  void changed() {
    boolean interrupted = Thread.interrupted();
    try {
      if (request.tryLock(PATIENCE, TimeUnit.MILLISECONDS)) {
        change.signalAll();
        request.unlock();
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Makes an access to memory depend on the bit.
   *
   * @param holds whether a request that may not be made now is held. If not, or if the device's
   *     thread is interrupted, it is barred: it ends as a refusal without a code
   * @param wanted whether the guest has not ended what the function does; a request that is not
   *     wanted is barred. It is asked before each request, and of one that is held again after each
   *     {@link #changed}
   */
  Dma guard(Dma dma, boolean holds, BooleanSupplier wanted) {
    return new Guarded(dma, holds, wanted);
  }

  private final class Guarded implements Dma {
    private final Dma dma;
    private final boolean holds;
    private final BooleanSupplier wanted;

    /** The last request was barred. */
    private boolean barred;

    Guarded(Dma dma, boolean holds, BooleanSupplier wanted) {
      this.dma = dma;
      this.holds = holds;
      this.wanted = wanted;
    }

    /** Begins a request; false if it is barred, and then there is nothing to end. */
    private boolean begin() {
      request.lock();
      barred = !mayBeMade();
      if (barred) {
        request.unlock();
      }
      return !barred;
    }

    private boolean mayBeMade() {
      try {
        while (wanted.getAsBoolean()) {
          if (config.isBusMaster()) {
            return true;
          }
          if (!holds) {
            return false;
          }
          change.await();
        }
        return false;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }

    @Override
    public long read(long address, MemorySegment into) {
      if (!begin()) {
        return 0;
      }
      try {
        return dma.read(address, into);
      } finally {
        request.unlock();
      }
    }

    @Override
    public long write(long address, MemorySegment from) {
      if (!begin()) {
        return 0;
      }
      try {
        return dma.write(address, from);
      } finally {
        request.unlock();
      }
    }

    @Override
    public boolean atomic(
        long address, int size, Atomic operation, long operand, long expected, long[] old) {
      if (!begin()) {
        return false;
      }
      try {
        return dma.atomic(address, size, operation, operand, expected, old);
      } finally {
        request.unlock();
      }
    }

    @Override
    public long requestTranslation(long address, int access) {
      if (!begin()) {
        return Translation.completed(
            Outcome.UNSUPPORTED_REQUEST.packed(), Completion.UNSUPPORTED_REQUEST);
      }
      try {
        return dma.requestTranslation(address, access);
      } finally {
        request.unlock();
      }
    }

    @Override
    public long moveTranslated(long address, MemorySegment data, boolean write) {
      if (!begin()) {
        return 0;
      }
      try {
        return dma.moveTranslated(address, data, write);
      } finally {
        request.unlock();
      }
    }

    @Override
    public boolean requestPage(long address, int access) {
      if (!begin()) {
        return false;
      }
      try {
        return dma.requestPage(address, access);
      } finally {
        request.unlock();
      }
    }

    @Override
    public int refusal() {
      return barred ? 0 : dma.refusal();
    }
  }
}
