package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A guest's memory for its first-stage tables. It is built at guest addresses and backed by host
 * pages in random order, or by one block.
 */
final class GuestPages {
  private static final int BYTES_LOG2 = 16;

  /** Receives the place of each page. */
  interface PageVisitor {
    void page(long host, MemorySegment bytes);
  }

  /** Maps a guest page, or a block, to the host. */
  interface Mapper {
    void map(long guest, long host);
  }

  private final TableMemory memory;
  private final long guest;
  private final long host;
  private final boolean block;
  private final int pageLog2;
  private final int blockLog2;
  private final int[] order;

  /** Makes sixteen pages of 4K, or a block of 2 MiB. */
  GuestPages(Chance chance, Arena arena, boolean block) {
    this(chance, arena, block, 12, 21, BYTES_LOG2);
  }

  /**
   * Makes memory with pages of any size.
   *
   * @param block whether the second stage maps it by one block
   * @param pageLog2 log2 of the pages of the second stage
   * @param blockLog2 log2 of its blocks, at most 29
   * @param bytesLog2 log2 of the memory's size
   */
  GuestPages(
      Chance chance, Arena arena, boolean block, int pageLog2, int blockLog2, int bytesLog2) {
    this.block = block;
    this.pageLog2 = pageLog2;
    this.blockLog2 = blockLog2;
    // Bit 29 separates it from pages, which are at the beginning of a GiB.
    guest = Scenes.somewhere(chance, 34, blockLog2) | 1L << 29;
    // Bit 39 separates it from the host's own tables.
    host = Scenes.somewhere(chance, 39, blockLog2) | 1L << 39;
    memory = new TableMemory(arena).run(guest, 1 << bytesLog2 - 12);
    order = new int[1 << bytesLog2 - pageLog2];
    for (int i = 0; i < order.length; i++) {
      order[i] = i;
    }
    for (int i = order.length - 1; i > 0 && !block; i--) {
      int other = chance.below(i + 1);
      int moved = order[i];
      order[i] = order[other];
      order[other] = moved;
    }
  }

  /** The memory at guest addresses, in which tables are built. */
  TableMemory memory() {
    return memory;
  }

  /** Host address of a guest address. */
  long toHost(long address) {
    int page = (int) (address - guest >>> pageLog2);
    return host + ((long) order[page] << pageLog2) + (address & (1L << pageLog2) - 1);
  }

  /** Reports every mapping that the second stage needs. */
  void mapAll(Mapper mapper) {
    if (block) {
      mapper.map(guest & -1L << blockLog2, host & -1L << blockLog2);
      return;
    }
    for (int page = 0; page < order.length; page++) {
      long address = guest + ((long) page << pageLog2);
      mapper.map(address, toHost(address));
    }
  }

  void eachPage(PageVisitor visitor) {
    MemorySegment bytes = memory.runs().get(0).bytes();
    for (int page = 0; page < order.length; page++) {
      long at = (long) page << pageLog2;
      visitor.page(toHost(guest + at), bytes.asSlice(at, 1L << pageLog2));
    }
  }
}
