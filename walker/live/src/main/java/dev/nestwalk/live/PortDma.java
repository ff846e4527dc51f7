package dev.nestwalk.live;

import dev.nestwalk.device.Port;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** DMA through a unit's port. Threads: belongs to the device's. */
final class PortDma implements Dma {
  private final Port port;
  private final LiveCounters counters;
  private final Refusals refusals;
  private final List<Observer> observers;
  private long refusal;

  /** Is told of each access before it is made. */
  @FunctionalInterface
  interface Observer {
    /** Reports one access, at most a whole transfer. */
    void access(Port port, boolean write, long address, long length);
  }

  /** Is told of refusals. */
  @FunctionalInterface
  interface Refusals {
    /**
     * Reports one refused access.
     *
     * @param answer packed refusal
     */
    void refused(Port port, boolean write, long address, long answer);
  }

  PortDma(Port port, LiveCounters counters, Refusals refusals, List<Observer> observers) {
    this.observers = observers;
    this.port = port;
    this.counters = counters;
    this.refusals = refusals;
  }

  @Override
  public long read(long address, MemorySegment into) {
    observe(false, address, into.byteSize());
    long done = port.read(address, into);
    counters.reads.increment();
    counters.bytesRead.add(done);
    return done == into.byteSize() ? done : refused(address, done, false);
  }

  @Override
  public long write(long address, MemorySegment from) {
    observe(true, address, from.byteSize());
    long done = port.write(address, from);
    counters.writes.increment();
    counters.bytesWritten.add(done);
    return done == from.byteSize() ? done : refused(address, done, true);
  }

  private void observe(boolean write, long address, long length) {
    for (Observer observer : observers) {
      observer.access(port, write, address, length);
    }
  }

  private long refused(long address, long done, boolean write) {
    counters.refused.increment();
    refusal = port.stoppedBy();
    refusals.refused(port, write, address + done, refusal);
    return done;
  }

  @Override
  public boolean atomic(
      long address, int size, Atomic operation, long operand, long expected, long[] old) {
    observe(true, address, size);
    counters.atomics.increment();
    old[0] =
        switch (operation) {
          case FETCH_ADD -> port.fetchAdd(address, size, operand);
          case SWAP -> port.swap(address, size, operand);
          case COMPARE_AND_SWAP -> port.compareAndSwap(address, size, expected, operand);
        };
    if (port.stoppedBy() != 0) {
      refused(address, 0, true);
      return false;
    }
    return true;
  }

  @Override
  public long requestTranslation(long address, int access) {
    long answer = port.translate(address, access | Access.TRANSLATION_REQUEST);
    port.done();
    refusal = answer;
    return answer;
  }

  @Override
  public long moveTranslated(long address, MemorySegment data, boolean write) {
    int access = (write ? Access.WRITE : Access.READ) | Access.TRANSLATED;
    GuestMemory memory = port.unit().options().memory();
    long size = data.byteSize();
    long done = 0;
    long moved = 1;
    while (done < size && moved > 0) {
      long here = address + done;
      refusal = port.translate(here, access);
      moved = 0;
      if (!Translation.isFault(refusal)) {
        // A check of one page says nothing of the next one.
        long span = Translation.span(refusal);
        long most = Math.min(span - (here & span - 1), size - done);
        long at = Translation.address(refusal);
        moved = write ? memory.write(at, data, done, most) : memory.read(at, data, done, most);
      }
      done += moved;
    }
    port.done();
    if (done < size) {
      counters.refused.increment();
      refusals.refused(port, write, address + done, refusal);
    }
    return done;
  }

  @Override
  public boolean requestPage(long address, int access) {
    port.requestPage(address, access, 0, true);
    port.done();
    return true;
  }

  @Override
  public int refusal() {
    return Translation.isFault(refusal) ? Translation.code(refusal) : 0;
  }
}
