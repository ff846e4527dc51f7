package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lists of pages that begin anywhere in a page, go on in another, and end where a page does. */
class NvmeTransferTest {
  private static final int PAGE = 4096;
  private static final long DATA = 1 << 20;
  private static final long LISTS = 2 << 20;
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemoryDma dma = new MemoryDma();
  private final NvmeTransfer transfer = new NvmeTransfer(dma);

  /** Data page n, in descending order, so that none follows its predecessor. */
  private static long page(int n) {
    return DATA + (40L - n) * PAGE;
  }

  /** Writes a list of pages 1 to {@code last} whose first page has room for some entries. */
  private long list(int last, int room) {
    long first = LISTS + PAGE - 8L * room;
    long at = first;
    long next = LISTS + PAGE;
    for (int n = 1; n <= last; n++) {
      boolean lastPlace = at % PAGE == PAGE - 8;
      if (lastPlace && n < last) {
        dma.memory.set(WORD, at, next);
        at = next;
        next += PAGE;
      }
      dma.memory.set(WORD, at, page(n));
      at += 8;
    }
    return first;
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 4, 17, 31, 32})
  void everyPageOfAListIsMoved(int pages) {
    for (int room = 1; room <= pages; room++) {
      for (int tail : new int[] {1, 512, PAGE}) {
        byte[] data = new byte[(pages - 1) * PAGE + tail];
        for (int i = 0; i < data.length; i++) {
          data[i] = (byte) (i * 31 + i / PAGE + room);
        }
        dma.memory.fill((byte) 0);
        long list = list(pages - 1, room);
        int status = transfer.move(page(0), list, MemorySegment.ofArray(data), true);
        assertEquals(NvmeStatus.DONE, status, "room for " + room);
        byte[] there = new byte[data.length];
        for (int n = 0; n < pages; n++) {
          int length = Math.min(PAGE, data.length - n * PAGE);
          MemorySegment.copy(dma.memory, ValueLayout.JAVA_BYTE, page(n), there, n * PAGE, length);
        }
        assertArrayEquals(data, there, "room for " + room);
        byte[] back = new byte[data.length];
        assertEquals(
            NvmeStatus.DONE, transfer.move(page(0), list, MemorySegment.ofArray(back), false));
        assertArrayEquals(data, back);
      }
    }
  }

  /** PRP 1 is a multiple of 4, a list of 8, a page in a list of 4096. */
  @Test
  void whatIsNotAlignedIsRefused() {
    MemorySegment data = MemorySegment.ofArray(new byte[3 * PAGE]);
    long list = list(2, 8);
    for (int off = 1; off < 8; off++) {
      int expected = off % 4 == 0 ? NvmeStatus.DONE : NvmeStatus.PRP_OFFSET_INVALID;
      MemorySegment one = MemorySegment.ofArray(new byte[64]);
      assertEquals(expected, transfer.move(page(0) + off, 0, one, true));
      assertEquals(
          NvmeStatus.PRP_OFFSET_INVALID, transfer.move(page(0), list + off, data, true), "" + off);
    }
    dma.memory.set(WORD, list, page(1) + 8);
    assertEquals(NvmeStatus.PRP_OFFSET_INVALID, transfer.move(page(0), list, data, true));
  }
}
