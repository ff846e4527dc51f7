package dev.nestwalk.live;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Moves a command's data between its buffer and the guest memory that its PRP entries name (NVM
 * Express Base 1.4, 4.3). Pages are 4 KiB.
 *
 * <p>Threads: belongs to the device's.
 */
final class NvmeTransfer {
  /** Size of the largest transfer in bytes: MDTS. */
  static final int MOST = 128 << 10;

  private static final int PAGE = 4096;
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

  private final Dma dma;
  private final MemorySegment list = Arena.ofAuto().allocate(PAGE, 8);

  NvmeTransfer(Dma dma) {
    this.dma = dma;
  }

  /**
   * Moves a whole buffer.
   *
   * @param first PRP entry 1
   * @param second PRP entry 2: nothing, a page, or a list of pages
   * @param data up to {@value #MOST} bytes
   * @return an NVMe status, 0 if everything was moved
   */
  int move(long first, long second, MemorySegment data, boolean toGuest) {
    long length = data.byteSize();
    if ((first & 3) != 0) {
      return NvmeStatus.PRP_OFFSET_INVALID;
    }
    long done = Math.min(length, PAGE - (first & PAGE - 1));
    if (!piece(first, data.asSlice(0, done), toGuest)) {
      return NvmeStatus.DATA_TRANSFER_ERROR;
    }
    if (done == length) {
      return NvmeStatus.DONE;
    }
    if (length - done <= PAGE) {
      return page(second, data, done, toGuest);
    }
    return list(second, data, done, toGuest);
  }

  private int list(long first, MemorySegment data, long from, boolean toGuest) {
    long at = first;
    long done = from;
    if ((at & 7) != 0) {
      return NvmeStatus.PRP_OFFSET_INVALID;
    }
    while (true) {
      long pagesLeft = (data.byteSize() - done + PAGE - 1) / PAGE;
      long inThisPage = (PAGE - (at & PAGE - 1)) / 8;
      long entries = Math.min(pagesLeft, inThisPage);
      MemorySegment read = list.asSlice(0, 8 * entries);
      if (dma.read(at, read) < read.byteSize()) {
        return NvmeStatus.DATA_TRANSFER_ERROR;
      }
      boolean chained = pagesLeft > inThisPage;
      long pages = chained ? entries - 1 : entries;
      for (long i = 0; i < pages; i++) {
        int status = page(read.get(WORD, 8 * i), data, done, toGuest);
        if (status != NvmeStatus.DONE) {
          return status;
        }
        done = Math.min(done + PAGE, data.byteSize());
      }
      if (!chained) {
        return NvmeStatus.DONE;
      }
      at = read.get(WORD, 8 * pages);
      if ((at & PAGE - 1) != 0) {
        // each list page is read whole, so a chain of lists always makes progress
        return NvmeStatus.PRP_OFFSET_INVALID;
      }
    }
  }

  private int page(long address, MemorySegment data, long from, boolean toGuest) {
    if ((address & PAGE - 1) != 0) {
      return NvmeStatus.PRP_OFFSET_INVALID;
    }
    long length = Math.min(PAGE, data.byteSize() - from);
    boolean moved = piece(address, data.asSlice(from, length), toGuest);
    return moved ? NvmeStatus.DONE : NvmeStatus.DATA_TRANSFER_ERROR;
  }

  private boolean piece(long address, MemorySegment part, boolean toGuest) {
    long moved = toGuest ? dma.write(address, part) : dma.read(address, part);
    return moved == part.byteSize();
  }
}
