package dev.nestwalk.device;

import java.lang.foreign.MemorySegment;

/** Registers of another device, at which something happens and nothing is kept. */
record HookedTarget(Runnable onRead, Runnable onWrite) implements MmioTarget {
  @Override
  public long read(long address, MemorySegment into, long at, long length) {
    onRead.run();
    return length;
  }

  @Override
  public long write(long address, MemorySegment from, long at, long length) {
    onWrite.run();
    return length;
  }
}
