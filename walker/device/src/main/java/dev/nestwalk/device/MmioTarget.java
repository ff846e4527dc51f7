package dev.nestwalk.device;

import java.lang.foreign.MemorySegment;

/**
 * What answers DMA whose output address is not guest memory: registers of other devices
 * (peer-to-peer), or nothing.
 *
 * <p>Threads: called on the thread of the device, without the unit's lock.
 */
public interface MmioTarget {
  /** Nothing is there. */
  MmioTarget NONE =
      new MmioTarget() {
        @Override
        public long read(long address, MemorySegment into, long at, long length) {
          return 0;
        }

        @Override
        public long write(long address, MemorySegment from, long at, long length) {
          return 0;
        }
      };

  /**
   * Reads.
   *
   * @param address physical address after translation
   * @param into takes the bytes from {@code at} on
   * @param length bytes asked for, which one translation covers
   * @return how many bytes were read, from the first on; 0 if nothing is there
   */
  long read(long address, MemorySegment into, long at, long length);

  /**
   * Writes.
   *
   * @param address physical address after translation
   * @param from has the bytes from {@code at} on
   * @param length bytes, which one translation covers
   * @return how many bytes were written, from the first on; 0 if nothing takes them
   */
  long write(long address, MemorySegment from, long at, long length);
}
